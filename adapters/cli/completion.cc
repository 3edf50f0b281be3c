// `pgo completion` and what its scripts ask: `pgo __complete`.
#include <algorithm>
#include <filesystem>
#include <set>

#include "adapters/cli/completing.h"
#include "adapters/cli/documents.h"
#include "adapters/cli/kube_access.h"
#include "adapters/cli/verbs.h"
#include "engine/kube/names.h"

namespace pgo::cli {
namespace {

using Names = Completing::Names;

// Nobody waits longer for a TAB.
constexpr std::int64_t kPatienceMs = 2000;

// The scripts know nothing of pgo's verbs: they pass the words on and show what comes back. The
// first line says whether files are wanted; then come candidates, a tab, what they are.
constexpr const char* kBash =
    R"(# bash completion for pgo; load it with: source <(pgo completion bash)
_pgo() {
  local IFS=$'\n' current=${COMP_WORDS[COMP_CWORD]} line
  local -a answer
  answer=($("$1" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  COMPREPLY=()
  if [ "${answer[0]}" = files ]; then
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "${current#=}"))
    return
  fi
  for line in "${answer[@]:1}"; do COMPREPLY+=("${line%%$'\t'*}"); done
}
complete -F _pgo pgo kubectl-pgo
)";

constexpr const char* kZsh = R"(#compdef pgo
# zsh completion for pgo; load it with: source <(pgo completion zsh)
_pgo() {
  local -a answer found
  local line tab=$'\t'
  answer=("${(@f)$("$words[1]" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ "$answer[1]" == files ]]; then
    compset -P '*='
    _files
    return
  fi
  for line in "${(@)answer[2,-1]}"; do
    [[ -n "$line" ]] && found+=("${${line%%$tab*}//:/\\:}:${line#*$tab}")
  done
  _describe 'pgo' found
}
if [ "$funcstack[1]" = _pgo ]; then _pgo "$@"; else compdef _pgo pgo; fi
)";

constexpr const char* kFish =
    R"(# fish completion for pgo; load it with: pgo completion fish | source
function __pgo_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l answer ($words[1] __complete $words[2..-1] 2>/dev/null)
    if test "$answer[1]" = files
        __fish_complete_path (commandline -ct)
    else
        printf '%s\n' $answer[2..-1]
    end
end
complete -c pgo -f -a '(__pgo_complete)'
)";

void AddNamesOf(Kube& kube, const std::string& kind, const std::string& ns,
                const std::string& selector, std::set<std::string>& out) {
  const auto list = kube.List(kind, ns, selector);
  if (!list) return;  // there is nobody to tell
  for (const Json& object : *list) out.insert(KeyOf(object).name);
}

void AddFromServer(const Completing& what, std::set<std::string>& out) {
  auto kube = Kube::Connect(what.common);
  if (!kube) return;
  (*kube)->SetTimeout(kPatienceMs);
  if (what.names == Names::kNamespaces) return AddNamesOf(**kube, "Namespace", "", "", out);
  if (what.names == Names::kInstances) {
    return AddNamesOf(**kube, "StatefulSet", (*kube)->ns(),
                      std::string(kube::kLabelCluster) + "=" + what.cluster + "," +
                          std::string(kube::kLabelInstance),
                      out);
  }
  AddNamesOf(**kube, "PostgresCluster", (*kube)->ns(), "", out);
}

void AddBundles(std::set<std::string>& out) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(".", ignored)) {
    if (entry.path().extension() == ".pgoj") out.insert(entry.path().filename().string());
  }
}

void AddContexts(const Common& common, std::set<std::string>& out) {
  for (const std::string& file : KubeconfigFiles(common)) {
    const auto text = ReadInput(file);
    const auto read = text ? ReadDocuments(*text, file) : Fail(Code::kNotFound, "");
    if (!read || read->empty()) continue;
    for (const Json& context : GetArray(read->front(), {"contexts"})) {
      out.insert(GetString(context, {"name"}));
    }
  }
}

std::set<std::string> NamesFor(const Completing& what) {
  std::set<std::string> out;
  switch (what.names) {
    case Names::kNone:
    case Names::kFiles:
      break;
    case Names::kClustersOrBundles:
      AddBundles(out);
      [[fallthrough]];
    case Names::kClusters:
    case Names::kInstances:
    case Names::kNamespaces:
      AddFromServer(what, out);
      break;
    case Names::kContexts:
      AddContexts(what.common, out);
      break;
  }
  return out;
}

}  // namespace

std::string CompletionScript(const std::string& shell) {
  return shell == "fish" ? kFish : shell == "zsh" ? kZsh : kBash;
}

Status Run(const Completion& options, const Common&, Console& console) {
  console.out.Print(CompletionScript(options.shell));
  return {};
}

Status Run(const Complete& options, const Common&, Console& console) {
  const Completing what = CompletionOf(options.words);
  std::string text = what.names == Names::kFiles ? "files\n" : "words\n";
  for (const auto& [word, about] : what.words) {
    text += what.before + word + "\t" + about.substr(0, about.find('\n')) + "\n";
  }
  for (const std::string& name : NamesFor(what)) {
    if (name.starts_with(what.fragment)) text += what.before + name + "\t\n";
  }
  console.out.Print(text);
  return {};
}

}  // namespace pgo::cli
