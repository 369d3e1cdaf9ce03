// How a Plotly figure is laid out in a panel, which is smaller than what Plotly's own margins are for.

/** A figure's layout with the panel's size, and small margins and few ticks where it does not say otherwise. */
export function inPanel({ width, height, ...layout }) { // sizes of its own would be cut by the panel's
  const standard = layout.template?.layout ?? {}, { title } = layout, made = { ...layout, autosize: true }
  if (!standard.margin && !layout.margin) made.margin = { l: 50, r: 14, t: (typeof title === 'string' ? title : title?.text) ? 46 : 16, b: 40 }
  for (const name of new Set(['xaxis', 'yaxis', ...Object.keys(layout)].filter(key => /^[xy]axis\d*$/.test(key)))) {
    const axis = { ...standard[name.slice(0, 5)], ...layout[name] }, few = axis.type === 'log' && name[0] === 'y' && !axis.dtick && !axis.tickvals
    made[name] = { automargin: true, ...(few && { nticks: 3 }), ...layout[name] } // else every digit of a power of ten has a label
  }
  return made
}
