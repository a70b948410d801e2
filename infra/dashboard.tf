locals {
  # By title: PromQL, where the first slash of a metric's name becomes a colon.
  charts = {
    "Jobs by provider and outcome, an hour"     = "sum by (ai_model, status) (increase(logging_googleapis_com:user_reelay_jobs_finished{monitored_resource=\"cloud_run_revision\"}[1h]))"
    "Attempts by provider and outcome, an hour" = "sum by (ai_model, outcome) (increase(logging_googleapis_com:user_reelay_attempts_finished{monitored_resource=\"cloud_run_revision\"}[1h]))"
    "Cost by provider, USD of the last day"     = "sum by (ai_model) (increase(logging_googleapis_com:user_reelay_attempt_cost_usd_sum{monitored_resource=\"cloud_run_revision\"}[1d]))"
    "Latency by provider, median, seconds"      = "histogram_quantile(0.5, sum by (ai_model, le) (increase(logging_googleapis_com:user_reelay_attempt_seconds_bucket{monitored_resource=\"cloud_run_revision\",outcome=\"succeeded\"}[6h])))"
    "Latency by provider, 95 %, seconds"        = "histogram_quantile(0.95, sum by (ai_model, le) (increase(logging_googleapis_com:user_reelay_attempt_seconds_bucket{monitored_resource=\"cloud_run_revision\",outcome=\"succeeded\"}[6h])))"
    "Queue depth"                               = "max by (queue_id) (cloudtasks_googleapis_com:queue_depth{monitored_resource=\"cloud_tasks_queue\",queue_id=~\"(starts|steps|webhooks)-.*\"})"
    "Errors: failed jobs by code, an hour"      = "sum by (code) (increase(logging_googleapis_com:user_reelay_jobs_failed{monitored_resource=\"cloud_run_revision\"}[1h]))"
    "Errors: 5xx by function, an hour"          = "sum by (service_name) (increase(run_googleapis_com:request_count{monitored_resource=\"cloud_run_revision\",response_code_class=\"5xx\",service_name=~\"${join("|", values(local.function_names))}\"}[1h]))"
  }
}

resource "google_monitoring_dashboard" "reelay" {
  dashboard_json = jsonencode({
    displayName = "Reelay"
    gridLayout = {
      columns = "2"
      widgets = [
        for title, query in local.charts : {
          title = title
          xyChart = {
            dataSets = [{
              plotType        = "LINE"
              timeSeriesQuery = { prometheusQuery = query }
            }]
          }
        }
      ]
    }
  })

  depends_on = [google_project_service.apis]
}
