"""How real pictures look: scores, calibration, the quiz."""
