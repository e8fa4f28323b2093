"""From a picture to a latent and to seeds: encoders, refinement, and the index of seeds."""
