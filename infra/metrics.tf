# Log-based metrics. An event's name is its `message`; a test compares the names with the
# code.
locals {
  our_logs = join(" ", [
    "resource.type=\"cloud_run_revision\"",
    "resource.labels.service_name=(${join(" OR ", [for name in values(local.function_names) : "\"${name}\""])})",
  ])

  # Codes of jobs that failed because of what the user asked for.
  users_own_codes = ["cancelled", "prompt_refused", "image_refused", "image_unreachable", "image_invalid"]

  # The prefix of all log-based metrics.
  metric_prefix = "logging.googleapis.com/user/"

  counters = {
    reelay_jobs_finished = {
      description = "Jobs that finished, by provider"
      filter      = "jsonPayload.message=\"job_finished\""
      labels      = { status = "status", ai_model = "ai_model", code = "code" }
    }
    reelay_jobs_failed = {
      description = "Jobs that failed through a fault, not because of what was asked for"
      filter      = "jsonPayload.message=\"job_finished\" jsonPayload.status=\"failed\" NOT jsonPayload.code=(${join(" OR ", [for code in local.users_own_codes : "\"${code}\""])})"
      labels      = { code = "code" }
    }
    reelay_attempts_finished = {
      description = "Attempts that finished, by provider and outcome"
      filter      = "jsonPayload.message=\"attempt_finished\""
      labels      = { ai_model = "ai_model", outcome = "outcome", code = "code" }
    }
  }

  distributions = {
    reelay_attempt_seconds = {
      description = "How long attempts took, by provider"
      field       = "duration_seconds"
      unit        = "s"
      smallest    = 1
    }
    reelay_attempt_cost_usd = {
      description = "What attempts cost, by provider"
      field       = "cost_usd"
      unit        = "{USD}" # not in UCUM, hence the braces
      smallest    = 0.01
    }
  }
}

resource "google_logging_metric" "counters" {
  for_each = local.counters

  name             = each.key
  description      = each.value.description
  filter           = "${local.our_logs} ${each.value.filter}"
  label_extractors = { for label, field in each.value.labels : label => "EXTRACT(jsonPayload.${field})" }

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    dynamic "labels" {
      for_each = each.value.labels
      content {
        key        = labels.key
        value_type = "STRING"
      }
    }
  }

  depends_on = [google_project_service.apis]
}

resource "google_logging_metric" "distributions" {
  for_each = local.distributions

  name             = each.key
  description      = each.value.description
  filter           = "${local.our_logs} jsonPayload.message=\"attempt_finished\""
  value_extractor  = "EXTRACT(jsonPayload.${each.value.field})"
  label_extractors = { ai_model = "EXTRACT(jsonPayload.ai_model)", outcome = "EXTRACT(jsonPayload.outcome)" }

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "DISTRIBUTION"
    unit        = each.value.unit
    labels {
      key        = "ai_model"
      value_type = "STRING"
    }
    labels {
      key        = "outcome"
      value_type = "STRING"
    }
  }
  bucket_options {
    exponential_buckets {
      num_finite_buckets = 40
      growth_factor      = 1.25
      scale              = each.value.smallest
    }
  }

  depends_on = [google_project_service.apis]
}
