# Budgets act, and alerts say what to do.

mock_provider "google" {
  source = "./tests/mocks/google"
}
mock_provider "google-beta" {
  source = "./tests/mocks/google-beta"
}
mock_provider "random" {
  mock_resource "random_id" {
    override_during = plan
    defaults        = { hex = "0a1b2c" }
  }
}
mock_provider "archive" {
  mock_data "archive_file" {
    defaults = { output_sha256 = "5e7ed" }
  }
}

variables {
  project_id        = "reelay-test"
  region            = "asia-northeast3"
  billing_account   = "012345-6789AB-CDEF01"
  gcp_budget_amount = 50
  alert_emails      = ["owner@example.com"]
  allowed_origins   = ["https://app.example.com"]
}

run "budget" {
  command = plan

  assert {
    condition     = google_billing_budget.project[0].all_updates_rule[0].pubsub_topic == google_pubsub_topic.budget.id
    error_message = "The budget must reach its topic."
  }
  assert {
    condition     = google_pubsub_subscription.budget.topic == google_pubsub_topic.budget.id && google_pubsub_subscription.budget.push_config[0].push_endpoint == "https://asia-northeast3-reelay-test.cloudfunctions.net/budget-alert"
    error_message = "The topic must reach the function."
  }
  assert {
    condition     = google_pubsub_subscription.budget.push_config[0].oidc_token[0].service_account_email == local.emails["pubsub-invoker"] && google_pubsub_subscription.budget.push_config[0].oidc_token[0].audience == google_cloudfunctions2_function.functions["budget_alert"].service_config[0].environment_variables["BUDGET_ALERT_AUDIENCE"]
    error_message = "Pub/Sub must come as pubsub-invoker, with the audience that the function checks."
  }
  assert {
    condition     = length(google_pubsub_subscription.budget.push_config[0].no_wrapper) == 0
    error_message = "The function takes Pub/Sub's envelope."
  }
  assert {
    condition     = google_pubsub_subscription.budget.ack_deadline_seconds == google_cloudfunctions2_function.functions["budget_alert"].service_config[0].timeout_seconds
    error_message = "Pub/Sub must wait as long as the function may take."
  }
  assert {
    condition     = google_pubsub_subscription.budget.expiration_policy[0].ttl == "" && google_pubsub_subscription.budget_dead_letters.expiration_policy[0].ttl == ""
    error_message = "A subscription must not expire while the budget is silent."
  }
  assert {
    condition     = google_pubsub_subscription.budget.dead_letter_policy[0].dead_letter_topic == google_pubsub_topic.budget_dead_letters.id && google_pubsub_subscription.budget_dead_letters.topic == google_pubsub_topic.budget_dead_letters.id
    error_message = "What is not delivered must wait somewhere."
  }
  assert {
    condition     = google_pubsub_topic_iam_member.pubsub_publishes_dead_letters.topic == google_pubsub_topic.budget_dead_letters.name && google_pubsub_topic_iam_member.pubsub_publishes_dead_letters.role == "roles/pubsub.publisher" && google_pubsub_topic_iam_member.pubsub_publishes_dead_letters.member == "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
    error_message = "Pub/Sub itself must publish dead letters."
  }
  assert {
    condition     = google_pubsub_subscription_iam_member.pubsub_acknowledges_dead_letters.subscription == google_pubsub_subscription.budget.name && google_pubsub_subscription_iam_member.pubsub_acknowledges_dead_letters.role == "roles/pubsub.subscriber"
    error_message = "Pub/Sub itself must acknowledge what it moved."
  }
  assert {
    condition     = google_service_account_iam_member.pubsub_signs_as_its_invoker.service_account_id == local.account_ids["pubsub-invoker"] && google_service_account_iam_member.pubsub_signs_as_its_invoker.role == "roles/iam.serviceAccountTokenCreator"
    error_message = "Pub/Sub itself must sign as pubsub-invoker."
  }

  assert {
    condition     = join(" ", [for rule in google_billing_budget.project[0].threshold_rules : "${rule.spend_basis}:${rule.threshold_percent}"]) == "CURRENT_SPEND:0.5 CURRENT_SPEND:0.8 CURRENT_SPEND:1 FORECASTED_SPEND:1"
    error_message = "Thresholds: 50, 80, 100 % spent, 100 % foreseen."
  }
  assert {
    condition     = google_billing_budget.project[0].amount[0].specified_amount[0].currency_code == "the account's"
    error_message = "The currency is the billing account's: naming one fails."
  }
  assert {
    condition     = google_billing_budget.project[0].amount[0].specified_amount[0].units == "50"
    error_message = "The budget is what was asked for."
  }
  assert {
    condition     = one(google_billing_budget.project[0].budget_filter[0].projects) == "projects/123456789012"
    error_message = "The budget must watch this project alone, by its number."
  }
  assert {
    condition     = length(google_billing_budget.project[0].all_updates_rule[0].monitoring_notification_channels) == 1
    error_message = "The budget must write e-mails, too."
  }

  assert {
    condition     = join(" ", sort(keys(google_monitoring_alert_policy.events))) == "all_providers_failed circuit_opened job_abandoned kill_switch ledger_out_of_balance submission_unknown"
    error_message = "Each of these events must alert."
  }
  assert {
    condition     = alltrue([for policy in google_monitoring_alert_policy.events : length(policy.conditions[0].condition_matched_log) == 1 && policy.alert_strategy[0].notification_rate_limit[0].period == "3600s"])
    error_message = "One-event alerts must match logs, at most one e-mail an hour."
  }
  assert {
    condition = alltrue([
      for policy in concat(values(google_monitoring_alert_policy.events), [
        google_monitoring_alert_policy.failure_ratio, google_monitoring_alert_policy.sweep_not_running,
        google_monitoring_alert_policy.queues, google_monitoring_alert_policy.dead_letters,
      ]) : length(policy.documentation[0].content) > 100 && length(policy.notification_channels) == 1
    ])
    error_message = "Each alert must say what to do, to somebody."
  }
  assert {
    condition     = google_monitoring_alert_policy.sweep_not_running.conditions[0].condition_absent[0].duration == "600s" && strcontains(google_monitoring_alert_policy.sweep_not_running.conditions[0].condition_absent[0].filter, "run.googleapis.com/request_count")
    error_message = "A sweep that is not called for ten minutes must alert, by Cloud Run's own count."
  }
  assert {
    condition     = strcontains(google_monitoring_alert_policy.dead_letters.conditions[0].condition_threshold[0].filter, google_pubsub_subscription.budget_dead_letters.name)
    error_message = "A dead letter must alert."
  }
  assert {
    condition     = google_monitoring_alert_policy.failure_ratio.conditions[0].condition_threshold[0].denominator_filter != null && google_monitoring_alert_policy.failure_ratio.combiner == "AND"
    error_message = "Failures must alert by their ratio, and not where there are few."
  }
  assert {
    condition     = alltrue([for widget in jsondecode(google_monitoring_dashboard.reelay.dashboard_json).gridLayout.widgets : length(widget.xyChart.dataSets[0].timeSeriesQuery.prometheusQuery) > 0]) && length(local.charts) >= 6
    error_message = "The dashboard must draw something."
  }
  assert {
    condition = alltrue([
      for metric in concat(keys(google_logging_metric.counters), keys(google_logging_metric.distributions)) :
      strcontains(google_monitoring_dashboard.reelay.dashboard_json, "user_${metric}")
    ])
    error_message = "Each metric must be drawn."
  }
}

run "no_budget" {
  command = plan

  variables {
    enable_budget     = false
    billing_account   = null
    gcp_budget_amount = null
  }

  # It says so, and deploys.
  expect_failures = [check.budget]
}

run "deployer_makes_budgets" {
  command = plan

  variables {
    ci_repository = "projects/reelay-test/locations/us-central1/connections/github/repositories/reelay"
    state_bucket  = "reelay-test-state"
  }

  assert {
    condition     = google_billing_account_iam_member.deployer_budget[0].role == "roles/billing.costsManager"
    error_message = "Who deploys must be allowed to make the budget, and pay nothing else."
  }
}
