"""Parse `config.pbtxt` files with the messages of tritonclient, and print them: `read_triton_configuration.py FILE...`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from google.protobuf import json_format, text_format
from tritonclient.grpc import model_config_pb2

found = {}
for file in sys.argv[1:]:
    config = text_format.Parse(Path(file).read_text(), model_config_pb2.ModelConfig())
    found[file] = json_format.MessageToDict(config, preserving_proto_field_name=True)
print(json.dumps(found))
