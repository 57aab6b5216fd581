"""The models of the pipeline: how each is made from params.yaml, and the file that holds one."""
