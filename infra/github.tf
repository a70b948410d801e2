# Deploying from GitHub Actions without a stored key. GitHub signs a token for the workflow,
# Google trusts it, and the job acts as the deployer. Only .github/workflows/deploy.yml on main
# of this very repository is accepted, by its number: a name can be registered anew.

# As random_id.queues.
resource "random_id" "github" {
  count = var.github_repository != null ? 1 : 0

  byte_length = 3
}

resource "google_iam_workload_identity_pool" "github" {
  count = var.github_repository != null ? 1 : 0

  workload_identity_pool_id = "reelay-github-${random_id.github[0].hex}"
  display_name              = "Reelay: GitHub Actions"

  depends_on = [google_project_service.apis]
}

resource "google_iam_workload_identity_pool_provider" "github" {
  count = var.github_repository != null ? 1 : 0

  workload_identity_pool_id          = google_iam_workload_identity_pool.github[0].workload_identity_pool_id
  workload_identity_pool_provider_id = "github"
  display_name                       = "GitHub"

  attribute_mapping = {
    "google.subject"          = "assertion.sub"
    "attribute.repository_id" = "assertion.repository_id"
  }
  attribute_condition = join(" && ", [
    "assertion.repository_id == '${var.github_repository_id}'",
    "assertion.ref == 'refs/heads/main'",
    "assertion.workflow_ref == '${var.github_repository}/.github/workflows/deploy.yml@refs/heads/main'",
  ])
  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }
}

resource "google_service_account_iam_member" "github_acts_as_deployer" {
  count = var.github_repository != null ? 1 : 0

  service_account_id = google_service_account.deployer[0].id
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.github[0].name}/attribute.repository_id/${var.github_repository_id}"
}
