resource "google_monitoring_notification_channel" "emails" {
  for_each = var.alert_emails

  display_name = "Reelay: ${each.key}"
  type         = "email"
  labels       = { email_address = each.key }

  depends_on = [google_project_service.apis]
}

locals {
  notification_channels = [for channel in google_monitoring_notification_channel.emails : channel.id]

  # One event is enough. These match log lines, not metrics: an alert on a metric of the same
  # apply fails until the metric is known. infra/README.md lists all alerts.
  event_alerts = {
    all_providers_failed = {
      title    = "every provider failed"
      filter   = "jsonPayload.message=\"job_finished\" jsonPayload.code=\"all_providers_failed\""
      severity = "ERROR"
      labels   = ["job_id"]
      todo     = <<-TEXT
        A job was offered to every provider of the chain, and none delivered.
        Open `videos/JOB_ID` in Firestore: `attempts[].error` has each provider's own reason.
        `access_denied`, `out_of_credits`: fix that vendor's key or buy credits.
        `model_unavailable`: set `runway_model`, `veo_model` or `omni_model`, and deploy.
        Anything else is the vendors' fault: look at their status pages. There is nothing to do here.
      TEXT
    }
    circuit_opened = {
      title    = "a circuit opened"
      filter   = "jsonPayload.message=\"circuit_opened\""
      severity = "WARNING"
      labels   = ["vendor", "ai_model", "code"]
      todo     = <<-TEXT
        A vendor, or one of its providers, is skipped for a while; the chain goes on without it.
        `access_denied`: the key is wrong or the plan is not paid: store a new key (infra/README.md, "Rotate a key").
        For Veo: the worker's account needs `roles/aiplatform.user`, the project aiplatform.googleapis.com.
        `out_of_credits`: buy credits. `model_unavailable`: choose another model, and deploy.
        Anything else is the vendor's fault: Reelay tries it again by itself, one job at a time.
      TEXT
    }
    submission_unknown = {
      title    = "the outcome of a paid call is unknown"
      filter   = "jsonPayload.message=\"submission_unknown\""
      severity = "ERROR"
      labels   = ["job_id", "ai_model"]
      todo     = <<-TEXT
        A paid call was sent and no answer came back: it may be billed, so its price counts as spent.
        That vendor is not asked again for this job. If it happens once, there is nothing to do.
        If it happens often, look at the vendor's status page and compare its bill with `GET /v1/usage?scope=all`.
        To end such jobs instead of asking the next vendor, set `on_unknown_submission = "stop"`.
      TEXT
    }
    price_differs = {
      title    = "a vendor's price differs from the catalogue"
      filter   = "jsonPayload.message=\"price_differs\""
      severity = "WARNING"
      labels   = ["ai_model", "expected_usd", "charged_usd"]
      todo     = <<-TEXT
        A vendor charges another price for a video, or says that it may, than `shared/domain/catalogue.py` lists.
        The job's money is held and booked at the vendor's price, and later jobs are planned with it if it is the higher one.
        Look at the vendor's price list, edit the catalogue (price, source, date), and deploy: the observed price then no longer counts.
      TEXT
    }
    ledger_out_of_balance = {
      title    = "the ledger does not balance"
      filter   = "jsonPayload.message=\"ledger_out_of_balance\""
      severity = "CRITICAL"
      labels   = []
      todo     = <<-TEXT
        What is held, less what was settled and released, differs from what open jobs hold: the caps cannot be trusted.
        Pause first, in the project's folder: `.venv/bin/python -m ops generation paused --reason ledger --project ${var.project_id}`.
        Jobs that are paid for are finished.
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
        A job had exceeded every limit, or its record could not be read, so it was ended; all that it held counts as spent.
        Read its log lines by `jsonPayload.job_id`. If this began with a deploy, roll back (infra/README.md).
      TEXT
    }
    kill_switch = {
      title    = "the kill switch changed"
      filter   = "jsonPayload.message=(\"generation_level_changed\" OR \"budget_notification_unusable\")"
      severity = "CRITICAL"
      labels   = ["to_level", "why"]
      todo     = <<-TEXT
        `tight`: 80 % of the budget is spent, and expensive providers are skipped. `paused`: nothing new is spent and new jobs get 503;
        jobs that are paid for are finished. In the project's folder, `.venv/bin/python -m ops generation show --project ${var.project_id}` says why.
        To go on, raise `gcp_budget_amount` and deploy, or type `generation normal --reason "…"` in place of `generation show`,
        which holds until the budget's next month. Admins of the API can do the same with `/v1/admin/generation`.
        `budget_notification_unusable`: a notification had no usable amounts and counts as all spent; check the budget's amount.
      TEXT
    }
  }

  # By Google's own audit log, which names no event of ours.
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
  # One failure in two jobs is half, and no reason to wake anyone.
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
      More than a fifth of the last hour's jobs failed, not counting those refused for their image or prompt.
      The dashboard shows which, by provider and code. If this began with a deploy, roll back (infra/README.md).
      If one vendor fails, take it out of `provider_chain` and deploy; jobs that are paid for are finished all the same.
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
      # Cloud Run's own metric: a sweep that fails or is never called logs nothing itself.
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
      Stuck jobs are not resumed and expired ones not ended until it runs again; nothing is lost meanwhile.
      `gcloud scheduler jobs describe reelay-sweep --location=${var.region} --project=${var.project_id}`: is it paused? what was its last status?
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
    # Cloud Tasks itself is late by a few minutes now and then, when it restarts.
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
    content   = <<-TEXT
      Steps run late, so videos take longer; none is lost and nothing is paid twice.
      If a queue is paused (`gcloud tasks queues list --location=${var.region} --project=${var.project_id}`), resume it.
      If the dashboard shows many 5xx of `worker`, read its logs, and roll back if they began with a deploy.
      Otherwise there is more work than the workers take: raise `worker_instances`, within the project's quota, and deploy.
    TEXT
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
    content   = <<-TEXT
      `budget-alert` could not handle a notification of the budget, so the kill switch may not act. The ledger's caps hold.
      `gcloud pubsub subscriptions pull ${google_pubsub_subscription.budget_dead_letters.name} --project=${var.project_id} --limit=5` shows it;
      the logs of `budget-alert` say why. The next notification comes within hours and repeats everything:
      fix the cause, then pull with `--auto-ack` to empty the subscription. Until then, pause generation yourself if the budget is spent.
    TEXT
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
    content   = <<-TEXT
      Somebody let all users call `worker`, `sweep` or `budget-alert`, which only Google's own callers may reach. The code still checks their tokens,
      but in a public function it can no longer rely on Google to have verified the signature.
      Deploy again: it restores the invokers. If the check itself was switched off, switch it on:
      `gcloud run services update NAME --invoker-iam-check --region=${var.region} --project=${var.project_id}`, then find out who did it and why.
    TEXT
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
    content   = <<-TEXT
      `curl -i ${local.function_urls.api}/health` shows what callers see.
      403: Google lets no caller through. With `api_public = false`: `gcloud run services update api --no-invoker-iam-check --region=${var.region} --project=${var.project_id}`.
      429 or 503: all instances are busy: raise `api_instances`, within the project's quota, and deploy.
      500: read the logs of `api`; if this began with a deploy, roll back (infra/README.md). Jobs that are under way go on without the API.
    TEXT
  }
}

# What strangers or users can cost that neither the caps nor the kill switch count.
locals {
  usage_alerts = {
    firestore_reads = {
      title     = "unusually many Firestore reads"
      condition = "more than a million reads in an hour"
      filter    = "metric.type=\"firestore.googleapis.com/document/read_ops_count\" AND resource.type=\"firestore.googleapis.com/Database\""
      threshold = 1000000
      todo      = <<-TEXT
        A million reads cost 0.30 to 0.60 USD, which neither the caps nor the kill switch count. An hour of this is no harm; a day of it is 7 to 15 USD.
        In the Logs Explorer, count the requests to `api` by `jsonPayload.user_id`. If one user causes them, disable that user or revoke the key
        (`.venv/bin/python -m ops key list --project ${var.project_id}`). If it is your own growth, raise the threshold here.
      TEXT
    }
    bytes_sent = {
      title     = "unusually much is downloaded"
      condition = "more than 50 GB of videos in an hour"
      filter    = "metric.type=\"storage.googleapis.com/network/sent_bytes_count\" AND resource.type=\"gcs_bucket\" AND resource.labels.bucket_name=\"${google_storage_bucket.videos.name}\""
      threshold = 50000000000
      todo      = <<-TEXT
        50 GB cost about 6 USD, which neither the caps nor the kill switch count. Anyone who has a video's URL can download it until the URL expires, 11 hours at most.
        If it is one video, delete it (`DELETE /v1/videos/{job_id}`, or its object in the bucket `${google_storage_bucket.videos.name}`): its URLs stop working at once.
        Which one it is, the bucket's usage logs or Data Access audit logs say, if you switch them on. If it is your own growth, raise the threshold here.
      TEXT
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
    content   = each.value.todo
  }

  depends_on = [google_project_service.apis]
}
