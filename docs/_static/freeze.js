// Answer the output of `pip freeze` from the data of this page.
const about = JSON.parse(document.getElementById("freeze-data").textContent);
const form = document.querySelector(".freeze");
const answer = form.querySelector("ul");
const normal = (name) => name.toLowerCase().replace(/[-_.]+/g, "-");
const numbers = (version) => version.split(/[^\d]+/).map(Number);
const compare = (a, b) => {
  const [left, right] = [numbers(a), numbers(b)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference) return difference;
  }
  return 0;
};
// Whether a requirement such as "wtforms<3.1" holds for what is installed.
function holds(requirement, installed) {
  const [, name, operator, version] = requirement.match(/^([\w.-]+?)(==|>=|<=|<|>)?([\d.]+)?$/);
  const here = installed.get(normal(name));
  if (here === undefined) return false;
  const order = operator ? compare(here, version) : 0;
  return { "==": order === 0, ">=": order >= 0, "<=": order <= 0, "<": order < 0, ">": order > 0 }[operator ?? "=="];
}
function judge(text) {
  const found = text.matchAll(/^\s*([\w.-]+)(?:\[[^\]]*\])?\s*(?:==|\s)\s*v?(\d[\w.]*)/gm);
  const installed = new Map([...found].map(([, name, version]) => [normal(name), version]));
  const admin = installed.get("flask-admin");
  if (!admin) return [`✗ No line names flask-admin. Paste the output of pip freeze.`];
  const [lite, full] = ["flask-sqlalchemy-lite", "flask-sqlalchemy"].map((name) => installed.get(name));
  const said = [];
  if (!lite && !full)
    return [`✗ Flask-Admin ${admin}: neither Flask-SQLAlchemy-Lite nor Flask-SQLAlchemy is installed.`];
  if (!lite) said.push(`✓ You have Flask-SQLAlchemy ${full}. Without a reason to change, keep it and write ${about.full}.`);
  for (const rule of lite ? about.rules : []) {
    if (!rule.when.every((each) => holds(each, installed))) continue;
    const missing = rule.add.filter((each) => !holds(each, installed));
    if (missing.length) said.push(`✗ ${rule.why} Run: pip install ${missing.map((each) => `"${each}"`).join(" ")}`);
  }
  if (lite) {
    const measured = about.releases.includes(admin);
    const newest = about.releases.at(-1);
    const fixed = said.length ? "After that: " : "";
    if (measured) said.push(`✓ ${fixed}Flask-Admin ${admin} with Flask-SQLAlchemy-Lite ${lite}: write ${about.lite}.`);
    else
      said.push(
        `? Flask-Admin ${admin} was not measured; ${newest} was the newest. Write ${about.lite}, and run the doctor.`,
      );
  }
  return said;
}
form.hidden = false;
form.querySelector("textarea").addEventListener("input", ({ target }) => {
  const said = target.value.trim() ? judge(target.value) : [];
  answer.replaceChildren(...said.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
});
