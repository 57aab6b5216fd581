"""The dense network as a library: layers, training, classifier, search, and where they run.

It knows no table and no params.yaml.
"""
