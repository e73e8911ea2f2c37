"""A Flink cluster on this machine, from the Flink that the pip package brings along."""

from flink_job.local_cluster.lifecycle import LocalCluster, ProcessStatus, find, start, status, stop

__all__ = ["LocalCluster", "ProcessStatus", "find", "start", "status", "stop"]
