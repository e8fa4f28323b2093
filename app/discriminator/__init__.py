"""Scores how real a picture looks: scores, calibration, the quiz."""
