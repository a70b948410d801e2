/** Reelay as a provider of the Vercel AI SDK. */

import { NoSuchModelError, type ProviderV4 } from "@ai-sdk/provider";
import { type FetchFunction, loadApiKey, loadSetting, withoutTrailingSlash } from "@ai-sdk/provider-utils";

import { Api } from "./api.ts";
import { ReelayVideoModel } from "./video-model.ts";

/** Which provider Reelay asks first; `auto` is the chain as it is configured. */
export type ReelayModelId = "auto" | "runway" | "gemini-veo-3.1" | "gemini-omni-flash" | (string & {});

export interface ReelaySettings {
  /** Where your Reelay is, such as `https://api-….run.app`; else `REELAY_BASE_URL`. */
  baseURL?: string;
  /** An API key (`rk_…`) or a Firebase ID token; else `REELAY_API_KEY`. */
  apiKey?: string;
  /** Sent with every request. */
  headers?: Record<string, string>;
  /** Instead of the global `fetch`. */
  fetch?: FetchFunction;
}

export interface ReelayProvider extends ProviderV4 {
  (modelId: ReelayModelId): ReelayVideoModel;
  video(modelId: ReelayModelId): ReelayVideoModel;
  videoModel(modelId: ReelayModelId): ReelayVideoModel;
}

export function createReelay(settings: ReelaySettings = {}): ReelayProvider {
  // Read when it is first used, so that importing needs no environment.
  const api = new Api(() => ({
    baseURL: withoutTrailingSlash(
      loadSetting({
        settingValue: settings.baseURL,
        environmentVariableName: "REELAY_BASE_URL",
        settingName: "baseURL",
        description: "Reelay's address",
      }),
    )!,
    headers: {
      Authorization: `Bearer ${loadApiKey({
        apiKey: settings.apiKey,
        environmentVariableName: "REELAY_API_KEY",
        description: "Reelay",
      })}`,
      ...settings.headers,
    },
    fetch: settings.fetch,
  }));
  const video = (modelId: ReelayModelId) => new ReelayVideoModel(modelId, api);
  const none = (modelType: "languageModel" | "embeddingModel" | "imageModel") => (modelId: string) => {
    throw new NoSuchModelError({ modelId, modelType });
  };
  return Object.assign(video.bind(null), {
    specificationVersion: "v4" as const,
    video,
    videoModel: video,
    languageModel: none("languageModel"),
    embeddingModel: none("embeddingModel"),
    imageModel: none("imageModel"),
  });
}

export const reelay = createReelay();
export { ReelayVideoModel };
