resource "google_monitoring_notification_channel" "emails" {
  for_each = var.alert_emails

  display_name = "Reelay: ${each.key}"
  type         = "email"
  labels       = { email_address = each.key }

  lifecycle {
    # One that an alert or the budget still names can't be deleted, so those change first.
    create_before_destroy = true
  }
  depends_on = [google_project_service.apis]
}

locals {
  notification_channels = [for channel in google_monitoring_notification_channel.emails : channel.id]

  # The text of each alert's e-mail: the runbook's section with the same title. A title
  # without a section fails the plan.
  runbook = {
    for section in regexall("## (.)([^\n]+)\n((?:[^#]|#[^#])*)", local.filled_runbook) :
    "${lower(section[0])}${section[1]}" => trimspace(section[2])
  }
  filled_runbook = replace(replace(replace(replace(
    file("${path.module}/../docs/runbook.md"),
    "PROJECT", var.project_id), "REGION", var.region), "API_URL", local.function_urls.api), "BUCKET", google_storage_bucket.videos.name
  )

  # One event raises an alert. These match log lines instead of metrics, because an alert on
  # a metric that the same apply creates fails until the metric has propagated.
  event_alerts = {
    all_providers_failed = {
      title    = "every provider failed"
      filter   = "jsonPayload.message=\"job_finished\" jsonPayload.code=\"all_providers_failed\""
      severity = "ERROR"
      labels   = ["job_id"]
    }
    circuit_opened = {
      title    = "a circuit opened"
      filter   = "jsonPayload.message=\"circuit_opened\""
      severity = "WARNING"
      labels   = ["vendor", "ai_model", "code"]
    }
    submission_unknown = {
      title    = "the outcome of a paid call is unknown"
      filter   = "jsonPayload.message=\"submission_unknown\""
      severity = "ERROR"
      labels   = ["job_id", "ai_model"]
    }
    answer_not_recorded = {
      title    = "a vendor's answer was not recorded"
      filter   = "jsonPayload.message=\"answer_not_recorded\""
      severity = "ERROR"
      labels   = ["job_id", "ai_model", "answer", "task_id"]
    }
    answered_too_late = {
      title    = "a paid call was answered too late"
      filter   = "jsonPayload.message=\"accepted_after_job_ended\""
      severity = "ERROR"
      labels   = ["job_id", "ai_model"]
    }
    price_differs = {
      title    = "a vendor's price differs from the catalogue"
      filter   = "jsonPayload.message=\"price_differs\""
      severity = "WARNING"
      labels   = ["ai_model", "expected_usd", "charged_usd"]
      # Each job at this price raises it again until the catalogue is edited.
      period = "86400s"
    }
    ledger_out_of_balance = {
      title    = "the ledger does not balance"
      filter   = "jsonPayload.message=\"ledger_out_of_balance\""
      severity = "CRITICAL"
      labels   = []
    }
    # The audit has failed for ten minutes, or more jobs are open than it reads.
    ledger_not_checked = {
      title    = "the ledger is not checked"
      filter   = "jsonPayload.message=\"ledger_not_checked\""
      severity = "WARNING"
      labels   = ["why"]
    }
    job_abandoned = {
      title    = "a job was abandoned"
      filter   = "jsonPayload.message=\"job_abandoned\""
      severity = "ERROR"
      labels   = ["job_id"]
    }
    # Such as when the bucket refuses its image. The end of an abandoned job, which has an
    # alert of its own, is logged with this code, too, but without a duration.
    job_out_of_time = {
      title    = "a job ran out of time"
      filter   = "jsonPayload.message=\"job_finished\" jsonPayload.code=\"deadline_exceeded\" jsonPayload.duration_seconds>=1"
      severity = "WARNING"
      labels   = ["job_id"]
    }
    # Its next step is eight minutes overdue, although the sweep scheduled it again at one,
    # two and four.
    job_stuck = {
      title    = "a job is stuck"
      filter   = "jsonPayload.message=\"overdue_job_woken\" jsonPayload.nth>=4"
      severity = "ERROR"
      labels   = ["job_id"]
    }
    # The sixth try fails after two and a half minutes; the last one, after a day.
    video_not_stored = {
      title    = "a paid video can't be stored"
      filter   = "jsonPayload.message=\"step_taken\" jsonPayload.attempt_state=\"storing\" jsonPayload.store_tries>=6"
      severity = "ERROR"
      labels   = ["job_id", "ai_model"]
    }
    # Without it no image and no video can be checked.
    decoder_not_started = {
      title    = "the decoder does not start"
      filter   = "jsonPayload.message=\"decoder_not_started\""
      severity = "ERROR"
      labels   = ["exit_code", "why"]
    }
    # Jobs go on with the original prompt, so nothing else shows that somebody is needed.
    prompts_not_translated = {
      title    = "prompts are not translated"
      filter   = "jsonPayload.message=\"prompt_translated\" jsonPayload.code=(\"model_unavailable\" OR \"access_denied\" OR \"out_of_credits\")"
      severity = "WARNING"
      labels   = ["code"]
      # Each prompt raises it again.
      period = "86400s"
    }
    vendor_silent = {
      title    = "a vendor stayed silent about a paid task"
      filter   = "jsonPayload.message=\"vendor_stayed_silent\""
      severity = "ERROR"
      labels   = ["job_id", "ai_model", "task_id", "delivered"]
    }
    # Google publishes several times a day. Two days after the first alert it counts as
    # intended, such as where the budget was given up.
    budget_silent = {
      title    = "the budget is silent"
      filter   = "jsonPayload.message=\"budget_silent\""
      severity = "ERROR"
      labels   = ["last_published_at"]
    }
    kill_switch = {
      title    = "the kill switch changed"
      filter   = "jsonPayload.message=(\"generation_level_changed\" OR \"budget_notification_unusable\")"
      severity = "CRITICAL"
      labels   = ["to_level", "why"]
    }
  }

  # Filtered in Google's audit log, since our functions log nothing of this.
  private_services = join(" OR ", [for key in keys(local.invokers) : "\"${local.function_names[key]}\""])
}

resource "google_monitoring_alert_policy" "events" {
  for_each = local.event_alerts

  display_name          = "Reelay: ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = local.notification_channels

  conditions {
    display_name = each.value.title
    condition_matched_log {
      filter           = "${local.our_logs} ${each.value.filter}"
      label_extractors = { for label in each.value.labels : label => "EXTRACT(jsonPayload.${label})" }
    }
  }
  alert_strategy {
    auto_close = "86400s"
    notification_rate_limit {
      period = lookup(each.value, "period", "3600s")
    }
  }
  documentation {
    mime_type = "text/markdown"
    subject   = "Reelay ${var.project_id}: ${each.value.title}"
    content   = local.runbook[each.value.title]
  }

  depends_on = [google_project_service.apis]
}

resource "google_monitoring_alert_policy" "failure_ratio" {
  display_name          = "Reelay: too many jobs fail"
  combiner              = "AND"
  severity              = "ERROR"
  notification_channels = local.notification_channels

  conditions {
    display_name = "more than a fifth of an hour's jobs failed"
    condition_threshold {
      filter             = "metric.type=\"${local.metric_prefix}${google_logging_metric.counters["reelay_jobs_failed"].name}\" AND resource.type=\"cloud_run_revision\""
      denominator_filter = "metric.type=\"${local.metric_prefix}${google_logging_metric.counters["reelay_jobs_finished"].name}\" AND resource.type=\"cloud_run_revision\""
      comparison         = "COMPARISON_GT"
      threshold_value    = 0.2
      duration           = "0s"
      aggregations {
        alignment_period     = "3600s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
      denominator_aggregations {
        alignment_period     = "3600s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }
  # One failed job of two is half of them, but no reason to wake anyone.
  conditions {
    display_name = "and more than three"
    condition_threshold {
      filter          = "metric.type=\"${local.metric_prefix}${google_logging_metric.counters["reelay_jobs_failed"].name}\" AND resource.type=\"cloud_run_revision\""
      comparison      = "COMPARISON_GT"
      threshold_value = 3
      duration        = "0s"
      aggregations {
        alignment_period     = "3600s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }
  documentation {
    mime_type = "text/markdown"
    subject   = "Reelay ${var.project_id}: too many jobs fail"
    content   = local.runbook["too many jobs fail"]
  }

  # A new metric takes minutes to propagate; the functions take as long to build.
  depends_on = [google_cloudfunctions2_function.functions]
}

resource "google_monitoring_alert_policy" "sweep_not_running" {
  display_name          = "Reelay: the sweep does not run"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = local.notification_channels

  conditions {
    display_name = "sweep answered no call with 2xx for ten minutes"
    condition_absent {
      # Cloud Run's own metric, because a sweep that fails or is never called logs nothing.
      filter   = "metric.type=\"run.googleapis.com/request_count\" AND resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${local.function_names.sweep}\" AND metric.labels.response_code_class=\"2xx\""
      duration = "600s"
      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }
  documentation {
    mime_type = "text/markdown"
    subject   = "Reelay ${var.project_id}: the sweep does not run"
    content   = local.runbook["the sweep does not run"]
  }

  depends_on = [google_project_service.apis]
}

resource "google_monitoring_alert_policy" "queues" {
  display_name          = "Reelay: the queues fall behind"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = local.notification_channels

  conditions {
    # Cloud Tasks itself is occasionally a few minutes late, when it restarts.
    display_name = "tasks are five minutes late"
    condition_threshold {
      filter          = "metric.type=\"cloudtasks.googleapis.com/queue/task_attempt_delays\" AND resource.type=\"cloud_tasks_queue\" AND resource.labels.queue_id=monitoring.regex.full_match(\"(starts|steps)-.*\")"
      comparison      = "COMPARISON_GT"
      threshold_value = 300000 # milliseconds
      duration        = "300s"
      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_PERCENTILE_95"
        cross_series_reducer = "REDUCE_MAX"
        group_by_fields      = ["resource.label.queue_id"]
      }
    }
  }
  conditions {
    display_name = "more than 1,000 tasks wait"
    condition_threshold {
      filter          = "metric.type=\"cloudtasks.googleapis.com/queue/depth\" AND resource.type=\"cloud_tasks_queue\" AND resource.labels.queue_id=monitoring.regex.full_match(\"(starts|steps)-.*\")"
      comparison      = "COMPARISON_GT"
      threshold_value = 1000
      duration        = "600s"
      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_MAX"
        cross_series_reducer = "REDUCE_MAX"
        group_by_fields      = ["resource.label.queue_id"]
      }
    }
  }
  documentation {
    mime_type = "text/markdown"
    subject   = "Reelay ${var.project_id}: the queues fall behind"
    content   = local.runbook["the queues fall behind"]
  }

  depends_on = [google_project_service.apis]
}

resource "google_monitoring_alert_policy" "dead_letters" {
  display_name          = "Reelay: budget notifications were not delivered"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = local.notification_channels

  conditions {
    display_name = "a dead letter waits"
    condition_threshold {
      filter          = "metric.type=\"pubsub.googleapis.com/subscription/num_undelivered_messages\" AND resource.type=\"pubsub_subscription\" AND resource.labels.subscription_id=\"${google_pubsub_subscription.budget_dead_letters.name}\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"
      aggregations {
        alignment_period   = "300s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }
  documentation {
    mime_type = "text/markdown"
    subject   = "Reelay ${var.project_id}: budget notifications were not delivered"
    content   = local.runbook["budget notifications were not delivered"]
  }
}

resource "google_monitoring_alert_policy" "private_made_public" {
  display_name          = "Reelay: a private function was made public"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = local.notification_channels

  conditions {
    display_name = "a grant to all users, or IAM's check switched off"
    condition_matched_log {
      filter = join(" ", [
        "log_id(\"cloudaudit.googleapis.com/activity\") protoPayload.serviceName=\"run.googleapis.com\"",
        "(resource.labels.service_name=(${local.private_services}) OR protoPayload.resourceName=~\"/services/(${join("|", [for key in keys(local.invokers) : local.function_names[key]])})$\")",
        "(\"allUsers\" OR \"allAuthenticatedUsers\" OR \"invoker-iam-disabled\" OR \"invokerIamDisabled\")",
      ])
      label_extractors = { who = "EXTRACT(protoPayload.authenticationInfo.principalEmail)" }
    }
  }
  alert_strategy {
    auto_close = "86400s"
    notification_rate_limit {
      period = "300s"
    }
  }
  documentation {
    mime_type = "text/markdown"
    subject   = "Reelay ${var.project_id}: a private function was made public"
    content   = local.runbook["a private function was made public"]
  }

  depends_on = [google_project_service.apis]
}

resource "google_monitoring_uptime_check_config" "health" {
  display_name = "Reelay: /health"
  timeout      = "10s"
  period       = "300s"

  http_check {
    path         = "/api/health"
    port         = 443
    use_ssl      = true
    validate_ssl = true
  }
  monitored_resource {
    type = "uptime_url"
    labels = {
      project_id = var.project_id
      host       = split("/", local.function_urls.api)[2]
    }
  }

  lifecycle {
    # In another region it is another check, and one that an alert names can't be deleted.
    create_before_destroy = true
  }
  depends_on = [google_project_service.apis]
}

resource "google_monitoring_alert_policy" "unreachable" {
  display_name          = "Reelay: the API does not answer"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = local.notification_channels

  conditions {
    display_name = "/health fails from more than one place"
    condition_threshold {
      filter          = "metric.type=\"monitoring.googleapis.com/uptime_check/check_passed\" AND resource.type=\"uptime_url\" AND metric.labels.check_id=\"${google_monitoring_uptime_check_config.health.uptime_check_id}\""
      comparison      = "COMPARISON_GT"
      threshold_value = 1
      duration        = "300s"
      aggregations {
        alignment_period     = "600s"
        per_series_aligner   = "ALIGN_NEXT_OLDER"
        cross_series_reducer = "REDUCE_COUNT_FALSE"
        group_by_fields      = ["resource.label.host"]
      }
    }
  }
  documentation {
    mime_type = "text/markdown"
    subject   = "Reelay ${var.project_id}: the API does not answer"
    content   = local.runbook["the API does not answer"]
  }
}

# Costs that strangers or users can cause and that neither the caps nor the kill switch see.
locals {
  usage_alerts = {
    firestore_reads = {
      title     = "unusually many Firestore reads"
      condition = "more than a million reads in an hour"
      filter    = "metric.type=\"firestore.googleapis.com/document/read_ops_count\" AND resource.type=\"firestore.googleapis.com/Database\""
      threshold = 1000000
    }
    bytes_sent = {
      title     = "unusually heavy downloads"
      condition = "more than 50 GB of videos in an hour"
      filter    = "metric.type=\"storage.googleapis.com/network/sent_bytes_count\" AND resource.type=\"gcs_bucket\" AND resource.labels.bucket_name=\"${google_storage_bucket.videos.name}\""
      threshold = 50000000000
    }
  }
}

resource "google_monitoring_alert_policy" "usage" {
  for_each = local.usage_alerts

  display_name          = "Reelay: ${each.value.title}"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = local.notification_channels

  conditions {
    display_name = each.value.condition
    condition_threshold {
      filter          = each.value.filter
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.threshold
      duration        = "0s"
      aggregations {
        alignment_period     = "3600s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }
  documentation {
    mime_type = "text/markdown"
    subject   = "Reelay ${var.project_id}: ${each.value.title}"
    content   = local.runbook[each.value.title]
  }

  depends_on = [google_project_service.apis]
}
