# Service level objectives of the API, measured by Cloud Run, and alerts on how fast the
# error budget burns. The uptime check sends some 70 requests an hour, so a single error in a
# quiet hour raises no alert.

locals {
  api_requests = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${local.function_names.api}\""

  # `goal`: the share of good requests in 28 days.
  objectives = {
    availability = { goal = 0.995, what = "99.5 % of requests are not answered with 5xx" }
    latency      = { goal = 0.95, what = "95 % of requests are answered within 4 seconds" }
  }
  slow_ms = 4000

  # `rate`: the burn rate over `period`, as a multiple of what the goal allows.
  burn_alerts = {
    errors_now = {
      title     = "the API answers with errors"
      objective = "availability"
      rate      = 14.4 # 7.2 % of an hour's requests
      period    = "3600s"
      severity  = "CRITICAL"
    }
    errors_add_up = {
      title     = "the API's errors add up"
      objective = "availability"
      rate      = 6 # 3 % of six hours' requests
      period    = "21600s"
      severity  = "WARNING"
    }
    slow = {
      title     = "the API is slow"
      objective = "latency"
      rate      = 10 # half of an hour's requests
      period    = "3600s"
      severity  = "WARNING"
    }
  }
}

resource "google_monitoring_custom_service" "api" {
  service_id   = "reelay-api"
  display_name = "Reelay: the API"

  depends_on = [google_project_service.apis]
}

resource "google_monitoring_slo" "api" {
  for_each = local.objectives

  service             = google_monitoring_custom_service.api.service_id
  slo_id              = each.key
  display_name        = each.value.what
  goal                = each.value.goal
  rolling_period_days = 28

  request_based_sli {
    dynamic "good_total_ratio" {
      for_each = each.key == "availability" ? [1] : []
      content {
        total_service_filter = "metric.type=\"run.googleapis.com/request_count\" AND ${local.api_requests}"
        bad_service_filter   = "metric.type=\"run.googleapis.com/request_count\" AND ${local.api_requests} AND metric.labels.response_code_class=\"5xx\""
      }
    }
    dynamic "distribution_cut" {
      for_each = each.key == "latency" ? [1] : []
      content {
        distribution_filter = "metric.type=\"run.googleapis.com/request_latencies\" AND ${local.api_requests}"
        range {
          min = 0
          max = local.slow_ms
        }
      }
    }
  }
}

resource "google_monitoring_alert_policy" "burn" {
  for_each = local.burn_alerts

  display_name          = "Reelay: ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = local.notification_channels

  conditions {
    display_name = "${each.value.rate} times the errors that the objective allows"
    condition_threshold {
      filter          = "select_slo_burn_rate(\"${google_monitoring_slo.api[each.value.objective].name}\", \"${each.value.period}\")"
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.rate
      duration        = "0s"
    }
  }
  documentation {
    mime_type = "text/markdown"
    subject   = "Reelay ${var.project_id}: ${each.value.title}"
    content   = local.runbook[each.value.title]
  }
}
