'use strict';

// Sorting: a button in each head; what is not told stays last in either direction.
function sortBy(head) {
  const table = head.closest('table'), body = table.tBodies[0];
  const down = head.ariaSort ? head.ariaSort !== 'descending' : 'high' in head.dataset;
  for (const other of table.tHead.rows[0].cells) other.removeAttribute('aria-sort');
  head.ariaSort = down ? 'descending' : 'ascending';
  const key = row => row.cells[head.cellIndex].dataset.key;
  const rows = [...body.rows].filter(row => key(row) !== undefined);
  const untold = [...body.rows].filter(row => key(row) === undefined);
  const compare = 'numeric' in head.dataset
    ? (a, b) => key(a) - key(b)
    : (a, b) => key(a).localeCompare(key(b));
  rows.sort((a, b) => down ? compare(b, a) : compare(a, b));
  body.append(...rows, ...untold);
}
for (const button of document.querySelectorAll('.sort')) {
  button.addEventListener('click', () => sortBy(button.closest('th')));
}

// Filters: kept in the address, so that a filtered board can be linked to.
const form = document.querySelector('.filters');
function applyFilters() {
  const wanted = [...form.elements].filter(field => field.name && field.value);
  const passes = row => wanted.every(field => row.dataset[field.name] === field.value);
  let shown = 0;
  for (const row of document.querySelectorAll('.board tbody tr')) {
    row.hidden = !passes(row);
    shown += !row.hidden;
  }
  for (const part of document.querySelectorAll('.apart, .panel')) {
    part.hidden = wanted.length > 0 && !part.querySelector('tbody tr:not([hidden])');
  }
  form.querySelector('output').value = wanted.length ? `${shown} shown` : '';
  const address = new URLSearchParams(wanted.map(field => [field.name, field.value])).toString();
  if (address || location.hash.includes('=')) history.replaceState(null, '', address ? `#${address}` : '#');
}
if (form) {
  for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
    const field = form.elements[name];
    if (field) field.value = value;
  }
  form.hidden = false;
  form.addEventListener('change', applyFilters);
  form.addEventListener('reset', () => setTimeout(applyFilters));
  applyFilters();
}
