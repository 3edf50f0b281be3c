'use strict';
// Draws the lanes from the data beside it. Text only ever becomes text nodes and attributes: nothing of the
// data is parsed as markup.
(function () {
  const data = JSON.parse(document.getElementById('data').textContent);
  const root = document.documentElement, svg = document.getElementById('chart');
  const tip = document.getElementById('tip'), detail = document.getElementById('detail');
  root.classList.add('js');
  const NS = 'http://www.w3.org/2000/svg';
  const LEFT = 190, RIGHT = 16, TOP = 34, ROW = 34, GAP = 8, LSN = 120;
  const full = {from: data.from, to: Math.max(data.to, data.from + 1000)};
  let view = {from: full.from, to: full.to}, width = 1000, chosen = 0;

  function el(name, attributes, parent, text) {
    const e = document.createElementNS(NS, name);
    for (const k in attributes) e.setAttribute(k, attributes[k]);
    if (text !== undefined) e.textContent = text;
    if (parent) parent.appendChild(e);
    return e;
  }
  const two = n => String(n).padStart(2, '0');
  function clock(ms, fine) {
    const d = new Date(ms);
    return two(d.getUTCHours()) + ':' + two(d.getUTCMinutes()) + ':' + two(d.getUTCSeconds()) +
      (fine ? '.' + String(d.getUTCMilliseconds()).padStart(3, '0') : '');
  }
  const x = ms => LEFT + (ms - view.from) / (view.to - view.from) * (width - LEFT - RIGHT);
  const back = px => view.from + (px - LEFT) / (width - LEFT - RIGHT) * (view.to - view.from);

  function showTip(event, text) {
    tip.textContent = text;
    tip.style.display = 'block';
    tip.style.left = Math.max(4, Math.min(event.clientX + 14, window.innerWidth - tip.offsetWidth - 8)) + 'px';
    tip.style.top = Math.max(4, Math.min(event.clientY + 16, window.innerHeight - tip.offsetHeight - 8)) + 'px';
  }
  function hover(e, text) {
    e.addEventListener('mousemove', event => showTip(event, text));
    e.addEventListener('mouseleave', () => { tip.style.display = 'none'; });
  }

  // Where each record is drawn, so that causes can be joined to what they caused.
  let places = {};
  function mark(parent, point, y, height) {
    const at = x(point.t);
    places[point.seq] = {x: at, y: y + height / 2};
    if (at < LEFT || at > width - RIGHT) return;
    const decision = point.room !== undefined;
    const e = decision
      ? el('line', {x1: at, x2: at, y1: y + 3, y2: y + height - 3, class: 'tick' + (point.bad ? ' bad' : '')}, parent)
      : el('circle', {cx: at, cy: y + height / 2, r: 3.5, class: 'dot' + (point.bad ? ' bad' : point.good ? ' good' : '')}, parent);
    const text = clock(point.t, true) + '  #' + point.seq + '\n' + point.text;
    hover(e, text);
    e.addEventListener('click', event => { event.stopPropagation(); choose(point); });
  }

  function choose(point) {
    chosen = point.seq;
    detail.textContent = clock(point.t, true) + '  #' + point.seq + '  ' +
      (point.room ? point.room + ' ' + point.reason + ': ' : '') + point.text +
      (point.outcome ? '\noutcome: ' + point.outcome : '') +
      (point.causes || []).map(c => '\nbecause of #' + c.seq + '  ' + c.text).join('');
    for (const row of document.querySelectorAll('tr.hit')) row.classList.remove('hit');
    for (const seq of [point.seq].concat((point.causes || []).map(c => c.seq))) {
      const row = document.getElementById('r' + seq);
      if (row) row.classList.add('hit');
    }
    draw();
  }

  function lane(y, title, sub, height) {
    el('rect', {x: 0, y: y, width: width, height: height, class: 'lane'}, svg);
    el('text', {x: 10, y: y + (sub ? 14 : Math.min(height / 2 + 4, 18))}, svg, title);
    if (sub) el('text', {x: 10, y: y + 28, class: 'small'}, svg, sub);
  }
  const inside = () => el('g', {'clip-path': 'url(#inside)'}, svg);
  function bar(g, y, height, span) {
    const a = Math.max(x(span.from), LEFT), b = Math.min(x(span.to), width - RIGHT);
    if (b <= a) return;
    const e = el('rect', {x: a, y: y + 6, width: Math.max(b - a, 1), height: height - 12, rx: 2, class: span.look}, g);
    hover(e, span.text + '\n' + clock(span.from, true) + ' to ' + clock(span.to, true));
    if (b - a > span.label.length * 6.5 + 8) el('text', {x: a + 6, y: y + height / 2 + 4, class: 'inbar ' + span.look}, g, span.label);
  }

  function axis(bottom) {
    const steps = [10, 50, 100, 250, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 18e5, 36e5, 72e5, 216e5, 864e5, 6048e5];
    const wanted = (view.to - view.from) / Math.max((width - LEFT) / 110, 1);
    const step = steps.find(s => s >= wanted) || steps[steps.length - 1];
    for (let t = Math.ceil(view.from / step) * step; t <= view.to; t += step) {
      el('line', {x1: x(t), x2: x(t), y1: TOP - 6, y2: bottom, class: 'grid'}, svg);
      if (x(t) < width - 80) el('text', {x: x(t) + 4, y: TOP - 10, class: 'small'}, svg, clock(t, step < 1000));
    }
    el('text', {x: 10, y: TOP - 10, class: 'small'}, svg, new Date(view.from).toISOString().slice(0, 10) + ' UTC');
  }

  function lsnText(n) {
    const b = BigInt(Math.round(n));
    return (b >> 32n).toString(16).toUpperCase() + '/' + (b & 0xffffffffn).toString(16).toUpperCase();
  }
  // What was known of the position in the view, and when the view begins.
  function shown(lsn) {
    const before = lsn.filter(p => p[0] < view.from).slice(-1);
    return before.concat(lsn.filter(p => p[0] >= view.from && p[0] <= view.to));
  }
  function lsnChart(y) {
    const g = inside();
    const all = data.instances.flatMap(i => shown(i.lsn)).map(p => p[1]);
    if (!all.length) return;
    let low = Math.min(...all), high = Math.max(...all);
    if (high === low) { high += 8; low -= 8; }
    const up = v => y + LSN - 10 - (v - low) / (high - low) * (LSN - 24);
    el('text', {x: LEFT - 8, y: y + 18, class: 'small end'}, svg, lsnText(high));
    el('text', {x: LEFT - 8, y: y + LSN - 6, class: 'small end'}, svg, lsnText(low));
    const dashes = ['', '6 3', '2 3', '9 3 2 3'];
    const colours = ['--primary', '--good', '--starting', '--action', '--bad'];
    data.instances.forEach((instance, n) => {
      const colour = 'var(' + colours[n % colours.length] + ')';
      let path = '';
      for (const p of shown(instance.lsn)) {
        const px = x(p[0]);
        path += (path ? 'H' + px.toFixed(1) + 'V' : 'M' + px.toFixed(1) + ' ') + up(p[1]).toFixed(1);
        if (px < LEFT || px > width - RIGHT) continue;
        hover(el('circle', {cx: px, cy: up(p[1]), r: 2.6, fill: colour}, g),
              instance.name + '\n' + clock(p[0], true) + '  ' + lsnText(p[1]) + '  timeline ' + p[2]);
      }
      if (path) el('path', {d: path, fill: 'none', stroke: colour, 'stroke-width': 1.6,
                            'stroke-dasharray': dashes[n % dashes.length], 'pointer-events': 'none'}, g);
      el('text', {x: 10, y: y + 36 + n * 14, class: 'small'}, svg, instance.name).style.fill = colour;
    });
  }

  function draw() {
    width = Math.max(svg.clientWidth || 1000, 480);
    while (svg.firstChild) svg.removeChild(svg.firstChild);
    places = {};
    const defs = el('defs', {}, svg);
    const hatch = el('pattern', {id: 'hatch', width: 6, height: 6, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)'}, defs);
    el('rect', {width: 6, height: 6, fill: 'var(--lane)'}, hatch);
    el('line', {x1: 0, y1: 0, x2: 0, y2: 6, stroke: 'var(--unseen)', 'stroke-width': 2}, hatch);
    const lanes = data.lanes;
    const heights = lanes.map(l => l.instance === undefined ? 26 : ROW);
    const bottom = TOP + heights.reduce((a, h) => a + h + GAP, 0) + LSN;
    el('rect', {x: LEFT, y: 0, width: Math.max(width - LEFT - RIGHT, 1), height: bottom + 4}, el('clipPath', {id: 'inside'}, defs));
    svg.setAttribute('height', bottom + 10);
    svg.setAttribute('viewBox', '0 0 ' + width + ' ' + (bottom + 10));
    const tops = [];
    let y = TOP;
    lanes.forEach((l, n) => {
      tops.push(y);
      lane(y, l.title, l.sub, heights[n]);
      y += heights[n] + GAP;
    });
    lane(y, 'WAL position', '', LSN);
    axis(bottom);
    const bars = inside();
    lanes.forEach((l, n) => l.spans.forEach(span => bar(bars, tops[n], heights[n], span)));
    lsnChart(y);
    const bands = inside();
    for (const e of data.episodes) {
      const band = el('rect', {x: x(e.from), y: TOP, width: Math.max(x(e.to) - x(e.from), 2), height: bottom - TOP, class: 'episode'}, bands);
      band.setAttribute('pointer-events', 'none');
    }
    const marks = inside();
    lanes.forEach((l, n) => l.points.forEach(p => mark(marks, p, tops[n], heights[n])));
    joinCauses();
  }
  function joinCauses() {
    const point = data.byseq[chosen], to = places[chosen];
    if (!point || !to) return;
    for (const c of point.causes || []) {
      const from = places[c.seq];
      if (!from) continue;
      const mid = (from.x + to.x) / 2;
      el('path', {class: 'cause', d: 'M' + from.x + ' ' + from.y + 'C' + mid + ' ' + from.y + ' ' + mid + ' ' + to.y + ' ' + to.x + ' ' + to.y}, svg);
    }
    el('circle', {cx: to.x, cy: to.y, r: 8, fill: 'none', stroke: 'var(--action)', 'stroke-width': 2}, svg);
  }

  data.byseq = {};
  for (const l of data.lanes) for (const p of l.points) data.byseq[p.seq] = p;

  function zoom(factor, about) {
    const span = Math.min(Math.max((view.to - view.from) * factor, 50), full.to - full.from);
    const share = (about - view.from) / (view.to - view.from);
    let from = about - share * span;
    from = Math.min(Math.max(from, full.from), full.to - span);
    view = {from: from, to: from + span};
    draw();
  }
  function pan(ms) {
    const span = view.to - view.from;
    const from = Math.min(Math.max(view.from + ms, full.from), full.to - span);
    view = {from: from, to: from + span};
    draw();
  }
  svg.addEventListener('wheel', e => {
    e.preventDefault();
    const px = e.clientX - svg.getBoundingClientRect().left;
    if (e.shiftKey) pan((e.deltaY || e.deltaX) / width * (view.to - view.from));
    else zoom(e.deltaY > 0 ? 1.25 : 0.8, back(Math.max(px, LEFT)));
  }, {passive: false});
  let drag = null;
  svg.addEventListener('pointerdown', e => { drag = {x: e.clientX}; });
  window.addEventListener('pointermove', e => {
    if (!drag) return;
    const moved = e.clientX - drag.x;
    if (Math.abs(moved) < 3) return;
    pan(-moved / (width - LEFT - RIGHT) * (view.to - view.from));
    drag.x = e.clientX;
  });
  window.addEventListener('pointerup', () => { drag = null; });
  svg.addEventListener('keydown', e => {
    const span = view.to - view.from, mid = view.from + span / 2;
    if (e.key === '+' || e.key === '=') zoom(0.7, mid);
    else if (e.key === '-') zoom(1.4, mid);
    else if (e.key === 'ArrowLeft') pan(-span / 8);
    else if (e.key === 'ArrowRight') pan(span / 8);
    else if (e.key === '0') { view = {from: full.from, to: full.to}; draw(); }
    else return;
    e.preventDefault();
  });
  const legend = document.getElementById('legend');
  for (const [look, text] of [['primary', 'primary'], ['replica', 'replica, or the operator leads'], ['starting', 'starting or stopping'],
                              ['down', 'node off: silent'], ['gone', 'no pod'], ['action', 'decision'], ['bad', 'decision of failover']]) {
    const entry = document.createElement('span'), sample = document.createElement('i');
    sample.style.background = 'var(--' + look + ')';
    entry.append(sample, text);
    legend.appendChild(entry);
  }
  const tools = document.getElementById('tools');
  function button(text, act) {
    const b = document.createElement('button');
    b.textContent = text;
    b.addEventListener('click', act);
    tools.appendChild(b);
  }
  button('all', () => { view = {from: full.from, to: full.to}; draw(); });
  button('zoom in', () => zoom(0.5, (view.from + view.to) / 2));
  button('zoom out', () => zoom(2, (view.from + view.to) / 2));
  data.episodes.forEach(e => button(e.title, () => {
    const margin = Math.max((e.to - e.from) * 0.6, 1500);
    view = {from: Math.max(e.from - margin, full.from), to: Math.min(e.to + margin, full.to)};
    draw();
  }));
  const hint = document.createElement('span');
  hint.className = 'dim';
  hint.textContent = 'wheel zooms, drag moves, a click on a decision shows its causes; keys + − ← → 0';
  tools.appendChild(hint);
  for (const row of document.querySelectorAll('tr[id]')) {
    row.addEventListener('click', () => { const p = data.byseq[row.id.slice(1)]; if (p) choose(p); });
  }
  window.addEventListener('resize', draw);
  if (data.episodes.length) {
    const e = data.episodes[data.episodes.length - 1], margin = Math.max((e.to - e.from) * 1.2, 3000);
    view = {from: Math.max(e.from - margin, full.from), to: Math.min(e.to + margin, full.to)};
  }
  draw();
})();
