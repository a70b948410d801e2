# What every test starts from.
project_id        = "reelay-test"
region            = "asia-northeast3"
billing_account   = "012345-6789AB-CDEF01"
gcp_budget_amount = 50
alert_emails      = ["owner@example.com"]
allowed_origins   = ["https://app.example.com"]
