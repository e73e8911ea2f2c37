"""`python -m flink_job` is `flockwise`."""

from flink_job.cli import main

main()
