locals {
  service_accounts = {
    api               = "The function api"
    worker            = "The function worker"
    sweep             = "The function sweep"
    budget-alert      = "The function budget-alert"
    tasks-invoker     = "The identity of Cloud Tasks when it calls worker"
    scheduler-invoker = "The identity of Cloud Scheduler when it calls sweep"
    pubsub-invoker    = "The identity of Pub/Sub when it calls budget-alert"
    builder           = "Builds the functions' images"
  }
}

# Separate accounts, so that each has only its own roles. None is a default account.
resource "google_service_account" "accounts" {
  for_each = local.service_accounts

  account_id   = "reelay-${each.key}"
  display_name = "Reelay: ${each.value}"

  depends_on = [google_project_service.apis]
}

# Computed from what is known before an apply, so that a plan shows who is granted what.
locals {
  emails = {
    for name, account in google_service_account.accounts :
    name => "${account.account_id}@${var.project_id}.iam.gserviceaccount.com"
  }
  members     = { for name, email in local.emails : name => "serviceAccount:${email}" }
  account_ids = { for name, email in local.emails : name => "projects/${var.project_id}/serviceAccounts/${email}" }
}
