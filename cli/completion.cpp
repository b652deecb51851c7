#include "cli/completion.hpp"

#include <CLI/CLI.hpp>
#include <functional>
#include <iostream>
#include <memory>

#include "cli/commands.hpp"

namespace sluice::cli {
namespace {

// Between single quotes, for any of the shells.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    out += c == '\'' ? "'\\''" : std::string(1, c);
  }
  return out + "'";
}

// fish takes \' within single quotes.
std::string fish_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    out += c == '\'' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  }
  return out + "'";
}

// Of a help text as much as fits beside a word: to the first colon, semicolon or comma.
std::string short_help(const std::string& help) {
  return help.substr(0, help.find_first_of(":;,"));
}

void each(const CommandWords& command, const std::function<void(const CommandWords&)>& call) {
  call(command);
  for (const CommandWords& inner : command.commands) {
    each(inner, call);
  }
}

// 'sluice run' | 'sluice config' | ...: the words that lead into a command.
std::string path_pattern(const CommandWords& root) {
  std::string out;
  each(root, [&](const CommandWords& command) {
    if (&command != &root) {
      out += (out.empty() ? "" : " | ") + quoted(command.path);
    }
  });
  return out;
}

// One line of a case statement for each option that takes a value.
std::string value_cases(const CommandWords& root, const std::string& files,
                        const std::function<std::string(const std::string&)>& words) {
  std::string out;
  each(root, [&](const CommandWords& command) {
    for (const OptionWords& option : command.options) {
      if (option.positional || option.value.empty()) {
        continue;
      }
      std::string pattern;
      for (const std::string& name : option.names) {
        pattern += (pattern.empty() ? "" : " | ") + quoted(command.path + " " + name);
      }
      std::string choices;
      for (const std::string& choice : option.choices) {
        choices += (choices.empty() ? "" : " ") + choice;
      }
      out += "    " + pattern + ") " +
             (option.takes_file ? files
              : choices.empty() ? ":"
                                : words(choices)) +
             "; return ;;\n";
    }
  });
  return out;
}

bool takes_files(const CommandWords& command) {
  for (const OptionWords& option : command.options) {
    if (option.positional && option.takes_file) {
      return true;
    }
  }
  return false;
}

// What may stand as a positional, when it is one of a few.
std::string positional_choices(const CommandWords& command) {
  std::string out;
  for (const OptionWords& option : command.options) {
    if (option.positional) {
      for (const std::string& choice : option.choices) {
        out += (out.empty() ? "" : " ") + choice;
      }
    }
  }
  return out;
}

std::string all_words(const CommandWords& command) {
  std::string out = positional_choices(command);
  const auto add = [&out](const std::string& word) { out += (out.empty() ? "" : " ") + word; };
  for (const CommandWords& inner : command.commands) {
    add(inner.name);
  }
  for (const OptionWords& option : command.options) {
    for (const std::string& name : option.names) {
      if (!option.positional) {
        add(name);
      }
    }
  }
  add("--help");
  return out;
}

// The command that the words lead to is the one of its arguments; fish's own conditions would take
// a word behind any other for a command.
std::string fish_place(const CommandWords& root) {
  std::string paths;
  each(root, [&](const CommandWords& command) {
    paths += &command == &root ? "" : " " + fish_quoted(command.path);
  });
  return "function __sluice_at\n"
         "    set -l place sluice\n"
         "    set -l words (commandline -opc)\n"
         "    set -e words[1]\n"
         "    for word in $words\n"
         "        switch \"$place $word\"\n"
         "            case" +
         paths +
         "\n"
         "                set place \"$place $word\"\n"
         "        end\n"
         "    end\n"
         "    test \"$place\" = \"$argv\"\n"
         "end\n";
}

}  // namespace

std::string bash_completion(const CommandWords& root) {
  std::string cases;
  each(root, [&](const CommandWords& command) {
    cases += "    " + quoted(command.path) + ") words=" + quoted(all_words(command)) +
             (takes_files(command) ? " files=1" : "") + " ;;\n";
  });
  const auto words = [](const std::string& choices) {
    return "COMPREPLY=($(compgen -W " + quoted(choices) + " -- \"$current\"))";
  };
  // Names may hold blanks; and a command is not the folder that has its name.
  const std::string add_files =
      "compopt -o filenames 2>/dev/null; "
      "mapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(compgen -f -- \"$current\")";
  return "# bash completion of sluice, made by `sluice completion bash`\n"
         "_sluice() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
         "  local path=sluice words= files= i\n"
         "  COMPREPLY=()\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    case \"$path ${COMP_WORDS[i]}\" in\n"
         "      " +
         path_pattern(root) +
         ") path+=\" ${COMP_WORDS[i]}\" ;;\n"
         "    esac\n"
         "  done\n"
         "  case \"$path $before\" in\n" +
         value_cases(root, add_files, words) +
         "  esac\n"
         "  case \"$path\" in\n" +
         cases +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "  [[ -z $files || $current == -* ]] || { " +
         add_files +
         "; }\n"
         "}\n"
         "complete -F _sluice sluice\n";
}

std::string zsh_completion(const CommandWords& root) {
  const auto entry = [](const std::string& word, const std::string& help) {
    return " " + quoted(word + ":" + short_help(help));
  };
  std::string cases;
  each(root, [&](const CommandWords& command) {
    std::string commands;
    std::string options;
    for (const CommandWords& inner : command.commands) {
      commands += entry(inner.name, inner.help);
    }
    for (const OptionWords& option : command.options) {
      for (const std::string& name : option.names) {
        options += option.positional ? "" : entry(name, option.help);
      }
    }
    const std::string choices = positional_choices(command);
    cases += "    " + quoted(command.path) + ")\n      subcommands=(" + commands +
             " )\n      flags=(" + options + " '--help:what it takes' )\n";
    cases += choices.empty() ? "" : "      compadd -- " + choices + "\n";
    cases += takes_files(command) ? "      _files\n" : "";
    cases += "      ;;\n";
  });
  const auto words = [](const std::string& choices) { return "compadd -- " + choices; };
  return "#compdef sluice\n"
         "# zsh completion of sluice, made by `sluice completion zsh`\n"
         "_sluice() {\n"
         "  local place=sluice word\n"
         "  local -a subcommands flags\n"  // $commands and $options are zsh's own
         "  for word in ${words[2,CURRENT-1]}; do\n"
         "    case \"$place $word\" in\n"
         "      " +
         path_pattern(root) +
         ") place+=\" $word\" ;;\n"
         "    esac\n"
         "  done\n"
         "  case \"$place ${words[CURRENT-1]}\" in\n" +
         value_cases(root, "_files", words) +
         "  esac\n"
         "  case \"$place\" in\n" +
         cases +
         "  esac\n"
         "  (( $#subcommands )) && _describe command subcommands\n"
         "  _describe -o option flags\n"
         "}\n"
         "if [[ $funcstack[1] == _sluice ]]; then _sluice \"$@\"; else compdef _sluice sluice; "
         "fi\n";
}

std::string fish_completion(const CommandWords& root) {
  std::string out = "# fish completion of sluice, made by `sluice completion fish`\n" +
                    fish_place(root) +
                    "complete -c sluice -f\n"
                    "complete -c sluice -s h -l help -d 'what it takes'\n";
  each(root, [&](const CommandWords& command) {
    const std::string head = "complete -c sluice -n " + fish_quoted("__sluice_at " + command.path);
    for (const CommandWords& inner : command.commands) {
      out += head + " -a " + inner.name + " -d " + fish_quoted(short_help(inner.help)) + "\n";
    }
    for (const OptionWords& option : command.options) {
      std::string line = head;
      if (option.positional) {
        line += option.takes_file ? " -F" : "";
      }
      for (const std::string& name : option.names) {
        if (!option.positional) {
          line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
        }
      }
      std::string choices;
      for (const std::string& choice : option.choices) {
        choices += (choices.empty() ? "" : " ") + choice;
      }
      line += choices.empty() ? "" : " -a " + fish_quoted(choices);
      if (!option.positional) {
        line += option.value.empty() ? "" : option.takes_file ? " -r -F" : " -x";
      }
      if (!option.positional || option.takes_file || !choices.empty()) {
        out += line + " -d " + fish_quoted(short_help(option.help)) + "\n";
      }
    }
  });
  return out;
}

void add_completion(Commands& commands) {
  auto shell = std::make_shared<std::string>();
  auto* command = commands.app().add_subcommand(
      "completion", "print what a shell completes sluice's commands by");
  command->add_option("SHELL", *shell, "which shell")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->required();
  command->footer(examples({"source <(sluice completion bash)",
                            "sluice completion bash > /etc/bash_completion.d/sluice",
                            "sluice completion zsh > \"${fpath[1]}/_sluice\"",
                            "sluice completion fish > ~/.config/fish/completions/sluice.fish"}));
  commands.on(command, [&commands, shell] {
    const CommandWords root = words_of(commands.app());
    std::cout << (*shell == "bash"  ? bash_completion(root)
                  : *shell == "zsh" ? zsh_completion(root)
                                    : fish_completion(root));
    return kDone;
  });
}

}  // namespace sluice::cli
