"""From raw files to the inputs of the models: reading, checking, splitting, preprocessing.

It knows no model.
"""
