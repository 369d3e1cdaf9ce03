// Conversations: lists of messages with a role and a content, as language models take and give them.
import { count, el } from './dom.js'

const SHOWN = 200 // messages
const LONGEST = 1e5 // letters of one

/** The messages of a value, which may be an object that holds them as `messages`; null if it is something else. */
export function messages(value) {
  const list = Array.isArray(value) ? value : value?.messages
  return Array.isArray(list) && list.length && list.every(one => typeof one?.role === 'string' && !one._type) ? list : null
}

/** A conversation in one line. */
export const toldInLine = list => list.map(({ role, content }) => `${role}: ${contentText(content).slice(0, 100)}`).join(' · ')

/** A conversation as a list of who said what. */
export function conversation(list) {
  const said = ({ role, content, ...rest }) => el('li', { className: 'message' }, el('b', {}, role), el('div', { dir: 'auto' }, contentText(content).slice(0, LONGEST)), Object.keys(rest).length > 0 && el('code', {}, JSON.stringify(rest).slice(0, LONGEST)))
  return el('ol', { className: 'conversation' }, list.slice(0, SHOWN).map(said), list.length > SHOWN && el('li', { className: 'note' }, `and ${count(list.length - SHOWN, 'message')} more`))
}

/** The text of a content, which is a text or a list of parts; what is no text is JSON. */
function contentText(content) {
  if (content === null || content === undefined) return ''
  if (typeof content === 'string') return content
  if (Array.isArray(content)) return content.map(part => (typeof part === 'string' ? part : typeof part?.text === 'string' ? part.text : JSON.stringify(part))).join('\n')
  return JSON.stringify(content)
}
