"""python -m training"""

import gc

from training.cli import main

gc.set_threshold(50_000)  # torch and its libraries create a million objects at import, and none of them is garbage
main()
