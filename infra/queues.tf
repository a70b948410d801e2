locals {
  # The same file makes the queues of one's own machine.
  queues = jsondecode(file("${path.module}/queues.json"))

  most_dispatches_at_once = sum([for queue in local.queues : queue.max_concurrent_dispatches])
}

# A deleted queue's name stays blocked for days.
resource "random_id" "queues" {
  byte_length = 3
}

# Starts cost money, steps don't: either can be paused or slowed without the other.
resource "google_cloud_tasks_queue" "queues" {
  for_each = local.queues

  name     = "${each.key}-${random_id.queues.hex}"
  location = var.region

  rate_limits {
    max_dispatches_per_second = each.value.max_dispatches_per_second
    max_concurrent_dispatches = each.value.max_concurrent_dispatches
  }
  # A task that is given up loses nothing: the sweep wakes its job.
  retry_config {
    max_attempts  = each.value.max_attempts
    min_backoff   = "${each.value.min_backoff_seconds}s"
    max_backoff   = "${each.value.max_backoff_seconds}s"
    max_doublings = each.value.max_doublings
  }

  lifecycle {
    precondition {
      condition     = local.most_dispatches_at_once <= local.functions.worker.max_instances * local.functions.worker.concurrency
      error_message = "The queues dispatch more at once than worker takes: Cloud Run would answer 429, and Cloud Tasks slow the whole queue."
    }
  }
  depends_on = [google_project_service.apis]
}
