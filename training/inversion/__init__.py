"""The encoder of a generator, which turns a picture into a latent, and the measurements of inversion."""
