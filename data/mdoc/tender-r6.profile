fuda-mdoc-profile 1
# The My Number card on phones by the tender for its issuing authority (draft of February 2024).
# Codes are numbers here: leading zeros come back when they are read.
profile tender-r6
doctype org.iso.23220.1.jp.mnc

namespace org.iso.23220.1.jp
element full_name                 tstr           name               max=300
element birth_date_unicode        tstr           birth_date
element resident_address_unicode  tstr           address            max=600
element sex_unicode               tstr           sex
element local_gov_code            uint           local_gov_code     digits=5
element individual_number         uint           individual_number
element Portrait                  bstr-jpeg2000  portrait           max=65536

namespace org.iso.23220.1
element age_over_20               bool           age_over_20
element age_in_years              uint           age_in_years
