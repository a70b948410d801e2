"""What every change of a job goes through: commit, schedule, log, clean up."""
