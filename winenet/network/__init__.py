"""Dense neural networks: layers, training, classifier and searches, in processes or a cluster.

Independent of the pipeline: it uses neither its tables nor params.yaml.
"""
