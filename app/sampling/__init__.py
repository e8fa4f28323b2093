"""From seeds to pixels: resolving requests against a version, latents, the generator, batching and the response cache."""
