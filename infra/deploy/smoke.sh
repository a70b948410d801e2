# Within two minutes each, the API must answer, and refuse a call without a token.
api="https://$REGION-$PROJECT.cloudfunctions.net/api"
for expected in "200 /health" "401 /v1/models"; do
  begun=$(date +%s)
  while [ $(($(date +%s) - begun)) -lt 120 ]; do
    status=$(curl --silent --output /dev/null --write-out "%{http_code}" --max-time 20 \
      "$api${expected#* }" || true)
    [ "$status" != "${expected% *}" ] || continue 2
    sleep 5
  done
  echo "${expected#* } answers $status, not ${expected% *}. The logs of api say why. To go" \
    "back: gcloud run services update-traffic api --to-revisions=REVISION=100" \
    "--region=$REGION --project=$PROJECT"
  exit 1
done
