export const messages = {
  usageTitle: "Usage",
  today: "Today",
  thisMonth: "This month",
  left: (usd: string) => `${usd} left`,
  leftOf: (left: string, limit: string) => `${left} left of ${limit}`,
  withOpen: (usd: string) => `${usd} of it in progress`,
  noLimit: "no limit",
  capOf: (period: string) => `Limit, ${period.toLowerCase()}`,
  period: "Period",
  lastDays: (days: number) => `${days} days`,
  measure: "Show",
  spending: "Cost",
  videos: "Videos",
  videoCount: (count: number) => (count === 1 ? "1 video" : `${count} videos`),
  chartTitle: (days: number) => `The last ${days} days`,
  chartLabel: (total: string, day: string, most: string) =>
    `${total} in total; the most on ${day}: ${most}`,
  withoutProvider: "No provider",
  translation: "Translation",
  asTable: "As a table",
  date: "Date",
  maker: "Provider",
  failedJobs: "Failed",
  providersTitle: "Provider performance",
  providerDid: (rate: string, attempts: number) =>
    attempts === 1 ? `${rate} of 1 request succeeded` : `${rate} of ${attempts} requests succeeded`,
  providerTook: (time: string, isUsual: boolean) => `${isUsual ? "usually" : "about"} ${time}`,
  noUsage: "No videos in this period. What you make, and what it costs, will appear here.",
  cannotLoad: "The figures could not be loaded.",
  tryAgain: "Try again",
};

export type Messages = typeof messages;
