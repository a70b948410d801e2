locals {
  service_accounts = {
    api               = "The function api"
    worker            = "The function worker"
    sweep             = "The function sweep"
    budget-alert      = "The function budget-alert"
    tasks-invoker     = "As whom Cloud Tasks calls worker"
    scheduler-invoker = "As whom Cloud Scheduler calls sweep"
    pubsub-invoker    = "As whom Pub/Sub calls budget-alert"
    builder           = "Builds the functions' images"
  }
}

# One account each, so that each has its own roles and none is Google's default one.
resource "google_service_account" "accounts" {
  for_each = local.service_accounts

  account_id   = "reelay-${each.key}"
  display_name = "Reelay: ${each.value}"

  depends_on = [google_project_service.apis]
}

# Written out of what is known before an apply, so that a plan says who gets what.
locals {
  emails = {
    for name, account in google_service_account.accounts :
    name => "${account.account_id}@${var.project_id}.iam.gserviceaccount.com"
  }
  members     = { for name, email in local.emails : name => "serviceAccount:${email}" }
  account_ids = { for name, email in local.emails : name => "projects/${var.project_id}/serviceAccounts/${email}" }
}
