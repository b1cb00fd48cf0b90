package form

// What is wrong with testdata/faulty.yaml, a line a fault.
const faultyWant = `
id form.id_invalid
steps.0.title rule.text_missing
steps.0.show_when form.later
steps.0.fields.0.id rule.name_invalid
steps.0.fields.1.type form.type_unknown
steps.0.fields.2.options form.setting_idle
steps.0.fields.2.max form.bounds_wrong
steps.0.fields.3.id form.id_twice
steps.0.fields.3.max form.bounds_wrong
steps.0.fields.4.options form.no_options
steps.0.fields.5.options.1.id form.id_twice
steps.0.fields.5.options.1.label rule.text_missing
steps.0.fields.6.accept.0 form.accept_unknown
steps.0.fields.6.max_mb form.max_mb_wrong
steps.0.fields.6.max_files form.max_files_wrong
steps.0.fields.6.prefill form.prefill_wrong
steps.0.fields.7.accept form.no_accept
steps.0.fields.8.text rule.text_missing
steps.0.fields.8.text rule.text_missing
steps.0.fields.9.pattern form.pattern_wrong
steps.0.fields.9.pattern_text rule.text_missing
steps.0.fields.9.pattern_text rule.text_missing
steps.0.fields.10.from form.bound_wrong
steps.0.fields.10.to form.bound_wrong
steps.0.fields.11.level form.level_wrong
steps.0.fields.12.decimals form.decimals_wrong
steps.0.fields.13.locked form.locked_alone
steps.0.fields.14.prefill form.prefill_wrong
steps.0.fields.15.show_when rule.expression
steps.0.fields.16.show_when rule.not_bool
steps.1.id form.id_twice
steps.1.fields form.no_fields
`
