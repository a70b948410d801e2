cd infra
# With the providers' lock file in the repository (make providers), only those are run.
if [ -f .terraform.lock.hcl ]; then
  lock=-lockfile=readonly
fi
terraform init -input=false -no-color -reconfigure ${lock:-} \
  -backend-config="bucket=$STATE_BUCKET" -backend-config=prefix=reelay
terraform plan -input=false -no-color -lock-timeout=600s \
  -var-file=/workspace/settings.tfvars.json -out=/workspace/plan

# If the first version of a secret was destroyed, Terraform would make it again, as the
# newest version and without a key.
shown=$(terraform show -no-color /workspace/plan)
created() { printf '%s\n' "$shown" | grep -c "# $1.* will be created" || true; }
versions=$(created google_secret_manager_secret_version.unset)
if [ "$versions" -gt "$(created google_secret_manager_secret.keys)" ]; then
  echo "The first version of a secret was destroyed: make deploy says how to go on."
  exit 1
fi
