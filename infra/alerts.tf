resource "google_monitoring_notification_channel" "emails" {
  for_each = var.alert_emails

  display_name = "Reelay: ${each.key}"
  type         = "email"
  labels       = { email_address = each.key }

  depends_on = [google_project_service.apis]
}

locals {
  notification_channels = [for channel in google_monitoring_notification_channel.emails : channel.id]

  # One event is enough. These match log lines, not metrics: an alert on a metric of
  # the same apply fails until the metric is known.
  event_alerts = {
    all_providers_failed = {
      title    = "every provider failed"
      filter   = "jsonPayload.message=\"job_finished\" jsonPayload.code=\"all_providers_failed\""
      severity = "ERROR"
      labels   = ["job_id"]
      todo     = <<-TEXT
        A job was offered to every link of the chain and none delivered.
        Open `videos/JOB_ID` in Firestore: `attempts[].error` has each link's own reason.
        `access_denied`, `out_of_credits`: mend that vendor's key or credits.
        `model_unavailable`: set `runway_model`, `veo_model` or `omni_model`, and deploy.
        Only faults of vendors: look at their status pages; nothing of ours is to be done.
      TEXT
    }
    circuit_opened = {
      title    = "a circuit opened"
      filter   = "jsonPayload.message=\"circuit_opened\""
      severity = "WARNING"
      labels   = ["vendor", "ai_model", "code"]
      todo     = <<-TEXT
        A vendor, or one of its links, is left out for a while; the chain goes on without it.
        `access_denied`: the key is wrong or the plan is not paid: store a new key (infra/README.md, "Rotate a key").
        For Veo: the worker's account needs `roles/aiplatform.user`, the project aiplatform.googleapis.com.
        `out_of_credits`: buy credits. `model_unavailable`: name another model, and deploy.
        Anything else is the vendor's fault: it is tried again by itself, one job at a time.
      TEXT
    }
    submission_unknown = {
      title    = "a paid call was not answered"
      filter   = "jsonPayload.message=\"submission_unknown\""
      severity = "ERROR"
      labels   = ["job_id", "ai_model"]
      todo     = <<-TEXT
        A paid call was sent and its answer never came: it may be billed, and its price counts as spent.
        That vendor is not asked again for this job. One: nothing to do.
        Many: look at the vendor's status page; compare its bill with `GET /v1/usage?scope=all`.
        To end such jobs instead of asking the next vendor, set `on_unknown_submission = "stop"`.
      TEXT
    }
    ledger_out_of_balance = {
      title    = "the ledger does not balance"
      filter   = "jsonPayload.message=\"ledger_out_of_balance\""
      severity = "CRITICAL"
      labels   = []
      todo     = <<-TEXT
        What is held, less what was settled and released, is not what open jobs hold: caps can't be trusted.
        Pause first, in the project's folder: `.venv/bin/python -m local generation paused --reason ledger --project ${var.project_id}`.
        What is paid for is finished.
        Then compare `spend/` and the open jobs in Firestore with the logs of the jobs named; point-in-time
        recovery shows both as they were at any minute of the last seven days.
      TEXT
    }
    job_abandoned = {
      title    = "a job was abandoned"
      filter   = "jsonPayload.message=\"job_abandoned\""
      severity = "ERROR"
      labels   = ["job_id"]
      todo     = <<-TEXT
        A job was past all limits, or its record could not be read, and was ended; all that it held counts as spent.
        Read its log lines by `jsonPayload.job_id`. If it began with a deploy, roll back (infra/README.md).
      TEXT
    }
    kill_switch = {
      title    = "the kill switch changed"
      filter   = "jsonPayload.message=(\"generation_level_changed\" OR \"budget_notification_unusable\")"
      severity = "CRITICAL"
      labels   = ["to_level", "why"]
      todo     = <<-TEXT
        `tight`: 80 % of the budget are spent, dear links are left out. `paused`: nothing new is spent, new jobs get 503;
        what is paid for is finished. In the project's folder `.venv/bin/python -m local generation show --project ${var.project_id}` says why.
        To go on: raise `gcp_budget_amount` and deploy, or `generation normal --reason "…"` in place of `generation show`,
        which holds until the budget's next month. Admins of the API do the same by `/v1/admin/generation`.
        `budget_notification_unusable`: a notification had no usable amounts and counts as all spent; look at the budget's amount.
      TEXT
    }
  }
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
      period = "3600s"
    }
  }
  documentation {
    mime_type = "text/markdown"
    subject   = "Reelay ${var.project_id}: ${each.value.title}"
    content   = each.value.todo
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
  # Of two jobs one that fails is half, and no news.
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
    content   = <<-TEXT
      More than a fifth of the last hour's jobs failed, refusals of a user's own image or prompt not counted.
      The dashboard shows by link and code which. If it began with a deploy, roll back (infra/README.md).
      If one vendor fails, take it out of `provider_chain` and deploy; what is paid for is finished all the same.
    TEXT
  }

  # A metric is known everywhere only minutes after it was made; the functions take as
  # long to build.
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
      # Cloud Run's own metric: a sweep that fails or isn't called says nothing itself.
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
    content   = <<-TEXT
      Jobs that get stuck are not woken, and hopeless ones not ended, until it runs again; nothing is lost meanwhile.
      `gcloud scheduler jobs describe reelay-sweep --location=${var.region} --project=${var.project_id}`: paused? its last status?
      401 or 403: `reelay-scheduler-invoker` lacks `roles/run.invoker` on `sweep`: deploy again.
      5xx: read the logs of `sweep`.
    TEXT
  }

  depends_on = [google_project_service.apis]
}

resource "google_monitoring_alert_policy" "queues" {
  display_name          = "Reelay: the queues fall behind"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = local.notification_channels

  conditions {
    display_name = "tasks are two minutes late"
    condition_threshold {
      filter          = "metric.type=\"cloudtasks.googleapis.com/queue/task_attempt_delays\" AND resource.type=\"cloud_tasks_queue\" AND resource.labels.queue_id=monitoring.regex.full_match(\"(starts|steps)-.*\")"
      comparison      = "COMPARISON_GT"
      threshold_value = 120000 # milliseconds
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
    content   = <<-TEXT
      Steps come late: videos take longer; none is lost and nothing is paid twice.
      A paused queue (`gcloud tasks queues list --location=${var.region} --project=${var.project_id}`): resume it.
      Many 5xx of `worker` in the dashboard: read its logs, roll back if it began with a deploy.
      Else there is more work than `infra/queues.json` allows: raise its numbers together with the worker's instances.
    TEXT
  }

  depends_on = [google_project_service.apis]
}

resource "google_monitoring_alert_policy" "dead_letters" {
  display_name          = "Reelay: budget notices were not delivered"
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
    subject   = "Reelay ${var.project_id}: budget notices were not delivered"
    content   = <<-TEXT
      The budget spoke and `budget-alert` could not take it: the kill switch may not act. The ledger's caps hold.
      `gcloud pubsub subscriptions pull ${google_pubsub_subscription.budget_dead_letters.name} --project=${var.project_id} --limit=5` shows what was said;
      the logs of `budget-alert` say why not. The next notice comes within hours and says all again:
      mend the cause, then pull with `--auto-ack` to empty it. Until then, pause by hand if the budget is spent.
    TEXT
  }
}
