# Resumes stuck jobs every minute. No retries: the next run makes up for a missed one.
resource "google_cloud_scheduler_job" "sweep" {
  name             = "reelay-sweep"
  description      = "Resumes jobs whose next step is overdue"
  region           = var.region
  schedule         = "* * * * *"
  time_zone        = "Etc/UTC"
  attempt_deadline = "${local.functions.sweep.timeout_seconds}s"
  # Resumes a sweep that was paused, as for a restore: what is not set stays as it is.
  paused = false

  http_target {
    http_method = "POST"
    uri         = local.function_urls.sweep
    oidc_token {
      service_account_email = local.emails["scheduler-invoker"]
      audience              = local.function_urls.sweep
    }
  }
  retry_config {
    retry_count = 0
  }

  depends_on = [google_cloud_run_v2_service_iam_member.invokers]
}
