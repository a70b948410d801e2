locals {
  # The local stack makes its queues from the same file.
  queues = jsondecode(file("${path.module}/queues.json"))

  # What all workers take at once, shared out in the file's proportions. With one more
  # Cloud Run would answer 429, and Cloud Tasks would slow down the whole queue.
  worker_slots = local.functions.worker.max_instances * local.functions.worker.concurrency
  proportions  = sum([for queue in local.queues : queue.max_concurrent_dispatches])
}

# A deleted queue's name stays blocked for days.
resource "random_id" "queues" {
  byte_length = 3
}

# Starts spend money, steps do not: either can be paused or slowed down alone. Webhooks wait
# for servers of others, and have so few slots that they hold up neither.
resource "google_cloud_tasks_queue" "queues" {
  for_each = local.queues

  name     = "${each.key}-${random_id.queues.hex}"
  location = var.region

  rate_limits {
    max_dispatches_per_second = each.value.max_dispatches_per_second
    max_concurrent_dispatches = max(1, floor(local.worker_slots * each.value.max_concurrent_dispatches / local.proportions))
  }
  # Nothing is lost when Cloud Tasks gives up on a task: the sweep resumes its job, or its
  # webhook. What a webhook's receiver answers is no failure of its task: the worker itself
  # schedules the next attempt, for a day.
  retry_config {
    max_attempts  = each.value.max_attempts
    min_backoff   = "${each.value.min_backoff_seconds}s"
    max_backoff   = "${each.value.max_backoff_seconds}s"
    max_doublings = each.value.max_doublings
  }
  # Else a 401, 403 or 429 between Cloud Tasks and the worker leaves no trace at all. A
  # refused task is tried again and again, so that a tenth of the attempts shows it.
  stackdriver_logging_config {
    sampling_ratio = 0.1
  }

  depends_on = [google_project_service.apis]
}
