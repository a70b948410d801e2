# Who may do what: no stranger, no strong role, nobody in another's place.

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

run "identities" {
  command = plan

  assert {
    condition     = google_cloud_run_v2_service_iam_member.api_is_public[0].member == "allUsers" && google_cloud_run_v2_service_iam_member.api_is_public[0].name == "api"
    error_message = "allUsers must be on api."
  }
  assert {
    condition     = alltrue([for grant in google_cloud_run_v2_service_iam_member.invokers : !contains(["allUsers", "allAuthenticatedUsers"], grant.member)])
    error_message = "allUsers must be on api alone."
  }
  assert {
    condition     = !contains(keys(google_cloud_run_v2_service_iam_member.invokers), "api")
    error_message = "api is public or nobody's; the others have invokers."
  }
  assert {
    condition = { for key, grant in google_cloud_run_v2_service_iam_member.invokers : grant.name => grant.member } == {
      worker       = local.members["tasks-invoker"]
      sweep        = local.members["scheduler-invoker"]
      budget-alert = local.members["pubsub-invoker"]
    }
    error_message = "Each private function must be invoked by its own invoker alone."
  }
  assert {
    condition     = alltrue([for grant in google_cloud_run_v2_service_iam_member.invokers : grant.role == "roles/run.invoker"])
    error_message = "An invoker invokes, and nothing more."
  }

  assert {
    condition     = length(setintersection(values(google_project_iam_member.grants)[*].role, ["roles/owner", "roles/editor", "roles/viewer", "roles/browser"])) == 0
    error_message = "No basic roles."
  }
  assert {
    condition     = alltrue([for grant in google_project_iam_member.grants : !can(regex("[aA]dmin|[oO]wner", grant.role))])
    error_message = "No function administers anything."
  }
  assert {
    condition     = alltrue([for grant in google_project_iam_member.grants : contains(values(local.members), grant.member)])
    error_message = "Only our own accounts are granted roles on the project."
  }
  assert {
    condition = { for key, grant in local.project_grants : key => grant.role if grant.account == "worker" } == {
      "worker roles/datastore.user"  = "roles/datastore.user"
      "worker roles/aiplatform.user" = "roles/aiplatform.user"
    }
    error_message = "On the project the worker uses Firestore and Veo."
  }
  assert {
    condition     = toset([for grant in local.project_grants : grant.role if contains(["sweep", "budget-alert"], grant.account)]) == toset(["roles/datastore.user"])
    error_message = "On the project sweep and budget-alert use Firestore alone."
  }
  assert {
    condition     = toset([for grant in local.project_grants : grant.role if grant.account == "api"]) == toset(["roles/datastore.user", "roles/firebaseauth.viewer"])
    error_message = "On the project api uses Firestore and looks users up."
  }

  assert {
    condition     = length(distinct([for function in google_cloudfunctions2_function.functions : function.service_config[0].service_account_email])) == 4
    error_message = "Each function must have an account of its own."
  }
  assert {
    condition = alltrue([
      for key, function in google_cloudfunctions2_function.functions :
      function.service_config[0].service_account_email == "reelay-${local.function_names[key]}@reelay-test.iam.gserviceaccount.com"
    ])
    error_message = "Each function must run as the account that is named for it: never as the default one."
  }
  assert {
    condition = alltrue([
      for function in google_cloudfunctions2_function.functions :
      function.build_config[0].service_account == local.account_ids["builder"]
    ])
    error_message = "Functions must be built by the builder, never by the default account."
  }
  assert {
    condition     = google_storage_bucket_iam_member.builder_reads_source.role == "roles/storage.objectViewer" && google_storage_bucket_iam_member.builder_reads_source.bucket == google_storage_bucket.source.name
    error_message = "The builder must read the zip where Terraform puts it."
  }
  assert {
    condition     = google_project_iam_member.builder_reads_copied_source.role == "roles/storage.objectViewer" && google_project_iam_member.builder_reads_copied_source.member == local.members["builder"]
    error_message = "The builder must read the zip where Google copies it."
  }
  assert {
    condition     = google_project_iam_member.builder_reads_copied_source.condition[0].expression == "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-123456789012-\")"
    error_message = "Of the project's other buckets the builder must read none."
  }
  assert {
    condition     = google_artifact_registry_repository_iam_member.builder_writes_images.role == "roles/artifactregistry.writer"
    error_message = "The builder must write images."
  }

  assert {
    condition     = toset([for grant in google_cloud_tasks_queue_iam_member.enqueuers : "${grant.name} ${grant.member}"]) == toset([for pair in setproduct([for queue in google_cloud_tasks_queue.queues : queue.name], [for name in ["api", "worker", "sweep"] : local.members[name]]) : "${pair[0]} ${pair[1]}"])
    error_message = "api, worker and sweep must enqueue on both queues, and nobody else."
  }
  assert {
    condition     = alltrue([for grant in google_service_account_iam_member.enqueuers_act_as_tasks_invoker : grant.service_account_id == local.account_ids["tasks-invoker"] && grant.role == "roles/iam.serviceAccountUser"])
    error_message = "Who enqueues acts as tasks-invoker, and as nobody else."
  }
  assert {
    condition     = alltrue([for name, grant in google_service_account_iam_member.signers_sign_as_themselves : grant.service_account_id == local.account_ids[name] && grant.member == local.members[name]])
    error_message = "Who signs signs as itself, and as nobody else."
  }
  assert {
    condition     = toset(keys(google_service_account_iam_member.signers_sign_as_themselves)) == toset(["api", "worker"])
    error_message = "api and worker sign addresses, and nobody else."
  }

  assert {
    condition     = alltrue([for grant in google_secret_manager_secret_iam_member.worker_reads_keys : grant.role == "roles/secretmanager.secretAccessor" && grant.member == local.members["worker"]])
    error_message = "Only the worker may read the keys."
  }
  assert {
    condition     = alltrue([for grant in google_storage_bucket_iam_member.videos : grant.role == "roles/storage.objectUser"])
    error_message = "On the bucket nobody administers."
  }
  assert {
    condition     = google_storage_bucket_iam_member.videos["veo"].member == google_project_service_identity.agents["aiplatform.googleapis.com"].member
    error_message = "Veo writes into the bucket as its own agent."
  }
  assert {
    condition     = length(google_service_account.deployer) == 0 && length(google_project_iam_member.deployer) == 0
    error_message = "Without a repository there is no account that could deploy."
  }
}

run "not_public" {
  command = plan

  variables {
    api_public = false
  }

  assert {
    condition     = length(google_cloud_run_v2_service_iam_member.api_is_public) == 0
    error_message = "Where allUsers is forbidden it must be left out."
  }
}

run "deploys_itself" {
  command = plan

  variables {
    ci_repository = "projects/reelay-test/locations/us-central1/connections/github/repositories/reelay"
    state_bucket  = "reelay-test-state"
  }

  assert {
    condition     = length(setintersection(values(google_project_iam_member.deployer)[*].role, ["roles/owner", "roles/editor", "roles/resourcemanager.projectIamAdmin"])) == 0
    error_message = "The account that deploys must have no basic role, and grant nothing without a condition."
  }
  assert {
    condition = google_project_iam_member.deployer_grants[0].condition[0].expression == format(
      "api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly([%s])",
      join(", ", [for role in sort(["roles/datastore.user", "roles/firebaseauth.viewer", "roles/aiplatform.user", "roles/logging.logWriter", "roles/storage.objectViewer"]) : "'${role}'"]),
    )
    error_message = "On the project the account that deploys may grant what functions need there, and no other role."
  }
  assert {
    condition     = alltrue([for grant in google_project_iam_member.deployer : !startswith(grant.role, "roles/iam.")])
    error_message = "Over accounts that are not ours the account that deploys must have no power."
  }
  assert {
    condition = {
      for name, grant in google_service_account_iam_member.deployer_administers : grant.service_account_id => grant.role
      } == {
      for name, id in local.account_ids : id => "roles/iam.serviceAccountAdmin"
    }
    error_message = "The account that deploys must keep each of our accounts' grants."
  }
  assert {
    condition     = toset([for grant in google_service_account_iam_member.deployer_acts_as : grant.service_account_id]) == toset(values(local.account_ids))
    error_message = "The account that deploys must act as each of our accounts."
  }
  assert {
    condition     = !contains(values(local.account_ids), google_service_account_iam_member.deployer_reads_itself[0].service_account_id) && google_service_account_iam_member.deployer_reads_itself[0].role == "roles/iam.serviceAccountViewer"
    error_message = "The account that deploys must read itself, and not administer itself."
  }
  assert {
    condition     = google_cloudbuild_trigger.main[0].service_account == google_service_account.deployer[0].id
    error_message = "Builds must run as the deployer, not as the default account."
  }
  assert {
    condition     = google_cloudbuild_trigger.main[0].repository_event_config[0].push[0].branch == "^main$"
    error_message = "Only the main branch deploys."
  }
}
