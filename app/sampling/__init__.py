"""From a seed to pixels: requests resolved against a version, latents, the generator, batching, the response cache."""
