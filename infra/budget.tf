# Several times a day the budget publishes the spending to its topic, which pushes the
# notification to budget-alert; that warns, tightens or pauses. The topic has no authoritative
# IAM, which would remove the publisher that creating the budget grants. Google's own spend
# cap, which stops the models themselves, is set by ops/deploy/spend_cap.py.

resource "google_pubsub_topic" "budget" {
  name = "reelay-budget"

  depends_on = [google_project_service.apis]
}

resource "google_pubsub_topic" "budget_dead_letters" {
  name = "reelay-budget-dead-letters"

  depends_on = [google_project_service.apis]
}

# Instead of Eventarc's subscription, which supports no dead-letter topic.
resource "google_pubsub_subscription" "budget" {
  name                 = "reelay-budget-push"
  topic                = google_pubsub_topic.budget.id
  ack_deadline_seconds = local.functions.budget_alert.timeout_seconds

  push_config {
    push_endpoint = local.function_urls.budget_alert
    oidc_token {
      service_account_email = local.emails["pubsub-invoker"]
      audience              = local.function_urls.budget_alert
    }
  }
  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }
  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.budget_dead_letters.id
    max_delivery_attempts = 20
  }
  # Never expires, because a budget may be silent for weeks.
  expiration_policy {
    ttl = ""
  }

  depends_on = [
    google_cloud_run_v2_service_iam_member.invokers,
    google_service_account_iam_member.pubsub_signs_as_its_invoker,
  ]
}

# Keeps undelivered notifications, which the topic would drop without a subscription.
resource "google_pubsub_subscription" "budget_dead_letters" {
  name                       = "reelay-budget-dead-letters"
  topic                      = google_pubsub_topic.budget_dead_letters.id
  message_retention_duration = "2678400s"
  expiration_policy {
    ttl = ""
  }
}

# Pub/Sub moves a dead letter itself: it publishes it there and acknowledges it here.
resource "google_pubsub_topic_iam_member" "pubsub_publishes_dead_letters" {
  topic  = google_pubsub_topic.budget_dead_letters.name
  role   = "roles/pubsub.publisher"
  member = google_project_service_identity.agents["pubsub.googleapis.com"].member
}

resource "google_pubsub_subscription_iam_member" "pubsub_acknowledges_dead_letters" {
  subscription = google_pubsub_subscription.budget.name
  role         = "roles/pubsub.subscriber"
  member       = google_project_service_identity.agents["pubsub.googleapis.com"].member
}

resource "google_billing_budget" "project" {
  count = var.enable_budget ? 1 : 0

  billing_account = var.billing_account
  display_name    = "Reelay ${var.project_id}"

  budget_filter {
    # Google stores the number; an ID would show as a change in each plan.
    projects        = ["projects/${data.google_project.this.number}"]
    calendar_period = "MONTH"
    # Spending counts even if credits pay for it, because the kill switch limits use.
    credit_types_treatment = "EXCLUDE_ALL_CREDITS"
  }
  amount {
    # In the billing account's currency; setting currency_code fails.
    specified_amount {
      units = tostring(var.gcp_budget_amount)
    }
  }

  dynamic "threshold_rules" {
    for_each = [0.5, 0.8, 1.0]
    content {
      threshold_percent = threshold_rules.value
      spend_basis       = "CURRENT_SPEND"
    }
  }
  threshold_rules {
    threshold_percent = 1.0
    spend_basis       = "FORECASTED_SPEND"
  }

  all_updates_rule {
    pubsub_topic                     = var.budget_notices ? google_pubsub_topic.budget.id : null
    schema_version                   = var.budget_notices ? "1.0" : null
    monitoring_notification_channels = local.notification_channels
  }

  depends_on = [google_project_service.apis]
}

check "budget_notices" {
  assert {
    condition     = var.budget_notices
    error_message = "The budget only writes e-mails: nothing pauses spending by itself. The caps of the ledger still hold."
  }
}

check "budget" {
  assert {
    condition     = var.enable_budget
    error_message = "There is no budget, so nothing pauses spending on Google Cloud. The caps of the ledger still hold."
  }
}
