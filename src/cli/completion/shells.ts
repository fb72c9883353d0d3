import { type ArgumentSpec, allOf, type CommandSpec, type FlagSpec, type Kind, nameOf } from './tree.ts'

/** The scripts that shells complete `naru` with, by shell. */
export const scripts: Readonly<Record<string, (root: CommandSpec) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript
}

/** In single quotes, for bash and zsh. */
const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`

const flagWords = ({ flags }: CommandSpec) =>
  flags.flatMap(({ long, short }) => [long, ...(short === '' ? [] : [`-${short}`])]).filter(word => word !== '')

/** `kind:topics`, or the words that may stand there. */
function wantOf({ kind, choices }: { readonly kind: Kind; readonly choices: readonly string[] }): string {
  return choices.length > 0 ? `words:${choices.join(' ')}` : `kind:${kind}`
}

/** bash and zsh share what is generated: functions that answer in `REPLY`, and a walk over the words before the cursor. */
function tables(root: CommandSpec): string {
  const all = allOf(root)
  const cases = (rows: readonly (readonly [string, string])[]) =>
    rows.map(([key, value]) => `    ${quoted(key)}) REPLY=${quoted(value)} ;;`).join('\n')
  const values = all.flatMap(spec =>
    spec.flags
      .filter(({ takesValue }) => takesValue)
      .flatMap(flag => spellings(flag).map(word => [`${spec.path} ${word}`, wantOf(flag)] as const))
  )
  const args = all.flatMap(({ path, args }) =>
    args.map((arg, i) => [`${path} ${argKey(arg, i)}`, wantOf(arg)] as const)
  )
  return `_naru_subcommands() {
  case "$1" in
${cases(all.filter(({ subcommands }) => subcommands.length > 0).map(spec => [spec.path, spec.subcommands.map(nameOf).join(' ')]))}
    *) REPLY='' ;;
  esac
}
_naru_flags() {
  case "$1" in
${cases(all.map(spec => [spec.path, flagWords(spec).join(' ')]))}
    *) REPLY='' ;;
  esac
}
_naru_value() {
  case "$1 $2" in
${cases(values)}
    *) REPLY='' ;;
  esac
}
_naru_argument() {
  case "$1 $2" in
${cases(args)}
    *) case "$1 *" in
${cases(args.filter(([key]) => key.endsWith(' *')))}
      *) REPLY='kind:none' ;;
    esac ;;
  esac
}`
}

/** The number of the argument; `*` for one that takes all that follow. */
const argKey = ({ variadic }: ArgumentSpec, index: number): string => (variadic ? '*' : String(index))

function spellings({ long, short }: FlagSpec): string[] {
  return [long, ...(short === '' ? [] : [`-${short}`])]
}

/** Sets `at`, `bootstrap` and `want` from the words before the cursor, in `before`. */
const walk = `  local at=naru bootstrap= want= count=0 word flag=
  for word in "\${before[@]}"; do
    if [ -n "$flag" ]; then
      case "$flag" in -b|--bootstrap) bootstrap=$word ;; esac
      flag=
      continue
    fi
    case "$word" in
      -*)
        _naru_value "$at" "$word"
        [ -n "$REPLY" ] && flag=$word
        ;;
      *)
        _naru_subcommands "$at"
        case " $REPLY " in
          *" $word "*) at="$at $word"; count=0 ;;
          *) count=$((count + 1)) ;;
        esac
        ;;
    esac
  done
  if [ -n "$flag" ]; then
    _naru_value "$at" "$flag"
    want=$REPLY
  else
    _naru_subcommands "$at"
    want="words:$REPLY"
    if [ -z "$REPLY" ]; then
      _naru_argument "$at" "$count"
      want=$REPLY
    fi
    case "$cur" in -*) _naru_flags "$at"; want="words:$REPLY" ;; esac
  fi`

/** Asks the broker, without a word when it doesn't answer. */
const ask = `naru completion names "\${want#kind:}" \${bootstrap:+--bootstrap=$bootstrap} 2>/dev/null`

function bashScript(root: CommandSpec): string {
  return `# bash completion for naru: eval "$(naru completion bash)"
${tables(root)}
_naru() {
  # bash splits words at : and =; here they are whole again.
  local line="\${COMP_LINE:0:COMP_POINT}" cur before
  read -r -a before <<< "$line"
  cur=
  case "$line" in *[![:space:]]) cur="\${before[\${#before[@]}-1]}"; unset "before[\${#before[@]}-1]" ;; esac
  before=("\${before[@]:1}")
  local REPLY=
${walk}
  COMPREPLY=()
  case "$want" in
    words:*) mapfile -t COMPREPLY < <(compgen -W "\${want#words:}" -- "$cur") ;;
    kind:files) compopt -o default 2>/dev/null; return ;;
    kind:none) return ;;
    kind:*) mapfile -t COMPREPLY < <(compgen -W "$(${ask})" -- "$cur") ;;
  esac
  # What stands in front of the last : is there already.
  case "$cur" in *:*) COMPREPLY=("\${COMPREPLY[@]#"\${cur%"\${cur##*:}"}"}") ;; esac
}
complete -F _naru naru
`
}

function zshScript(root: CommandSpec): string {
  return `#compdef naru
# zsh completion for naru: eval "$(naru completion zsh)", or a file _naru in $fpath
${tables(root)}
_naru() {
  local cur="\${words[CURRENT]}" REPLY=
  local -a before=("\${(@)words[2,CURRENT-1]}") found
${walk}
  case "$want" in
    words:*) found=(\${=want#words:}) ;;
    kind:files) _files; return ;;
    kind:none) return 1 ;;
    kind:*) found=(\${(f)"$(${ask})"}) ;;
  esac
  compadd -- $found
}
if [ "\${funcstack[1]-}" = _naru ]; then _naru "$@"; else compdef _naru naru; fi
`
}

function fishScript(root: CommandSpec): string {
  const all = allOf(root)
  const text = (value: string) => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
  const at = (path: string) => `-n ${text(`__naru_at ${path.split(' ').slice(1).join(' ')}`.trim())}`
  const lines = all.flatMap(spec => [
    ...spec.subcommands.map(
      child => `complete -c naru ${at(spec.path)} -a ${text(nameOf(child))} -d ${text(child.description)}`
    ),
    ...spec.flags.map(flag => {
      const parts = [`complete -c naru ${at(spec.path)} -l ${flag.long.slice(2)}`]
      if (flag.short !== '') parts.push(`-s ${flag.short}`)
      if (flag.takesValue) parts.push(wantedBy(flag))
      return `${parts.join(' ')} -d ${text(flag.description)}`
    }),
    ...spec.args
      .filter(({ kind, choices }) => kind !== 'none' || choices.length > 0)
      .map(arg => `complete -c naru ${at(spec.path)} ${wantedBy(arg).replace('-x', '-f').replace('-r', '-F')}`)
  ])
  function wantedBy({ kind, choices }: { readonly kind: Kind; readonly choices: readonly string[] }): string {
    if (choices.length > 0) return `-x -a ${text(choices.join(' '))}`
    if (kind === 'files') return '-r'
    return kind === 'none' ? '-x' : `-x -a ${text(`(__naru_names ${kind})`)}`
  }
  const paths = all.slice(1).map(({ path }) => text(path.slice('naru '.length)))
  return `# fish completion for naru: naru completion fish | source
set -g __naru_paths ${paths.join(' ')}
# The subcommands on the line so far.
function __naru_path
    set -l path
    for word in (commandline -opc)[2..-1]
        if contains -- (string join -- ' ' $path $word) $__naru_paths
            set -a path $word
        end
    end
    string join -- ' ' $path
end
function __naru_at
    set -l here (__naru_path)
    test "$argv" = "$here"
end
function __naru_names
    set -l words (commandline -opc)
    set -l bootstrap
    for i in (seq (count $words))
        if contains -- $words[$i] -b --bootstrap; and test $i -lt (count $words)
            set bootstrap --bootstrap $words[(math $i + 1)]
        end
    end
    naru completion names $argv[1] $bootstrap 2>/dev/null
end
complete -c naru -f
${lines.join('\n')}
`
}
