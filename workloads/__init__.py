"""What mlopt can optimise: one folder a workload, with its payloads, its reference and its class."""
