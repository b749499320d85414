// Just enough TOML for a configuration: tables, arrays of tables, strings, numbers, booleans, inline
// tables for what stands in an array of tables. Key order is kept.

const scalar = (value) => {
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(scalar).join(", ")}]`;
  if (typeof value === "object") return `{ ${Object.entries(value).map(([key, inner]) => `${key} = ${scalar(inner)}`).join(", ")} }`;
  return String(value);
};

export function toToml(config) {
  const lines = [];
  const table = (path, content) => {
    lines.push("", `[${path}]`);
    for (const [key, value] of Object.entries(content)) {
      if (typeof value !== "object" || Array.isArray(value)) lines.push(`${key} = ${scalar(value)}`);
    }
    for (const [key, value] of Object.entries(content)) {
      if (typeof value === "object" && !Array.isArray(value)) table(`${path}.${key}`, value);
    }
  };
  for (const [key, value] of Object.entries(config)) {
    if (Array.isArray(value) && typeof value[0] === "object") {
      for (const item of value) {
        lines.push("", `[[${key}]]`, ...Object.entries(item).map(([name, inner]) => `${name} = ${scalar(inner)}`));
      }
    } else {
      table(key, value);
    }
  }
  return `${lines.join("\n")}\n`;
}
