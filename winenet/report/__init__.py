"""The report, the page and the figures. It computes nothing that a stage has not written."""
