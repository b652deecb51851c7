#include "config/describe.hpp"

#include "config/printer.hpp"
#include "config/report.hpp"
#include "config/yaml_reader.hpp"

namespace sluice::config {

std::string describe(const Config& config) {
  Config copy = config;
  Printer printer;
  fields(printer, copy);
  return printer.text();
}

std::string show(const Config& config, const Shown& what) {
  Config copy = config;
  Report unread(what.file);  // the text has been loaded before
  const TreePtr root = read_yaml(what.text, unread);
  if (root == nullptr) {
    return {};
  }
  Printer printer(0, {root.get(), &what});
  fields(printer, copy);
  return printer.text();
}

}  // namespace sluice::config
