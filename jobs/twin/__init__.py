"""The twin of a patient: its veins and plasma as fitted models, its visits, its versions."""
