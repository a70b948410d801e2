locals {
  # The local stack creates its queues from the same file.
  queues = jsondecode(file("${path.module}/queues.json"))

  # The steps that all workers can take at once, divided in the file's proportions. With one
  # more, Cloud Run would answer 429 and Cloud Tasks would slow down the whole queue.
  worker_slots = local.functions.worker.max_instances * local.functions.worker.concurrency
  proportions  = sum([for queue in local.queues : queue.max_concurrent_dispatches])
}

# Ends the names that stay blocked when they are deleted: a queue's for days, an identity
# pool's and an API key's for 30, a role's for 37. So what was destroyed can be deployed again
# at any time. What can be switched off has such an end of its own, which goes with it.
resource "random_id" "queues" {
  byte_length = 3
}

# Starts spend money and steps don't, so either can be paused or slowed down alone. Webhooks
# wait for other people's servers, and have so few slots that they hold up neither.
resource "google_cloud_tasks_queue" "queues" {
  for_each = local.queues

  name     = "${each.key}-${random_id.queues.hex}"
  location = var.region

  rate_limits {
    max_dispatches_per_second = each.value.max_dispatches_per_second
    max_concurrent_dispatches = max(1, floor(local.worker_slots * each.value.max_concurrent_dispatches / local.proportions))
  }
  # Nothing is lost when Cloud Tasks gives up on a task: the sweep resumes its job, or its
  # webhook. A task doesn't fail if a webhook's receiver does: the worker itself schedules
  # the next attempt, for a day.
  retry_config {
    max_attempts  = each.value.max_attempts
    min_backoff   = "${each.value.min_backoff_seconds}s"
    max_backoff   = "${each.value.max_backoff_seconds}s"
    max_doublings = each.value.max_doublings
  }
  # Otherwise a 401, 403 or 429 between Cloud Tasks and the worker leaves no trace at all. A
  # refused task is retried so often that a tenth of the attempts shows it.
  stackdriver_logging_config {
    sampling_ratio = 0.1
  }

  depends_on = [google_project_service.apis]
}
