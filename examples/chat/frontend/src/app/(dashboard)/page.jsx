import { Overview } from "@/views/overview";

export const metadata = { title: "Overview" };

export default function OverviewPage() {
  return <Overview />;
}
