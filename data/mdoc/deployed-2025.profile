fuda-mdoc-profile 1
# The My Number card on phones as they have had it since 2025. Names and types are those of Apple's
# documentation and of a public verifier tried with a real card; which ages are issued, nobody has
# published.
profile deployed-2025
doctype org.iso.23220.1.jp.mnc

namespace org.iso.23220.1.jp
element full_name_unicode          tstr           name               max=300
element birth_date_unicode         tstr           birth_date
element resident_address_unicode   tstr           address            max=600
element sex_unicode                tstr           sex
element local_gov_code_unicode     tstr           local_gov_code     digits=5
element individual_number_unicode  tstr           individual_number
element portrait                   bstr-jpeg2000  portrait           max=65536

namespace org.iso.23220.1
element birth_date                 full-date      birth_date
element sex                        uint           sex
element age_in_years               uint           age_in_years
element age_over_NN                bool           age_over_NN        ages=15,16,18,20,60,65,70,75
