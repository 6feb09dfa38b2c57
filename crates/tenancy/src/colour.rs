//! Colours of a shop of its own, and whether they can be read. Pure, whole numbers only: the lightness of a channel comes
//! from a table, so the rule of WCAG 2.2 AA (a ratio of 4.5) is kept without a float.

use std::fmt;

use crate::front::{Accent, FrontError};
use crate::model::Theme;

/// A colour as `#RRGGBB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour {
    red: u8,
    green: u8,
    blue: u8,
}

/// The colours that an accent gives a page, each of them readable on those it stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Palette {
    /// Main button, links.
    pub primary: Colour,
    /// The same under a pointer.
    pub hover: Colour,
    /// The same while it is pressed.
    pub active: Colour,
    /// On the main button.
    pub on_primary: Colour,
    /// What was chosen, a badge.
    pub soft: Colour,
    /// Text on that.
    pub on_soft: Colour,
}

/// The least contrast of text, in hundredths.
pub const CONTRAST_MIN: u64 = 450;

const WHITE: Colour = Colour { red: 255, green: 255, blue: 255 };
const BLACK: Colour = Colour { red: 0, green: 0, blue: 0 };
/// What is added to a lightness before two are compared: 0.05.
const GLARE: u64 = 500_000;

impl Colour {
    /// Reads `#RRGGBB`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
        let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let channel = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
        is_hex.then_some(())?;
        Some(Self { red: channel(0)?, green: channel(2)?, blue: channel(4)? })
    }

    /// This colour with `parts` of a hundred of `other` in it.
    pub const fn mix(self, other: Self, parts: u32) -> Self {
        const fn blend(own: u8, other: u8, parts: u32) -> u8 {
            ((own as u32 * (100 - parts) + other as u32 * parts + 50) / 100) as u8
        }
        Self {
            red: blend(self.red, other.red, parts),
            green: blend(self.green, other.green, parts),
            blue: blend(self.blue, other.blue, parts),
        }
    }

    /// Relative luminance by WCAG, in ten-millionths.
    fn lightness(self) -> u64 {
        let of = |channel: u8| u64::from(LINEAR[usize::from(channel)]);
        (2126 * of(self.red) + 7152 * of(self.green) + 722 * of(self.blue)) / 10_000
    }

    /// The contrast of two colours in hundredths: 100 for the same one, 2100 for black on white.
    pub fn contrast(self, other: Self) -> u64 {
        let (own, other) = (self.lightness() + GLARE, other.lightness() + GLARE);
        own.max(other) * 100 / own.min(other)
    }

    fn is_readable_on(self, grounds: &[Self]) -> bool {
        grounds.iter().all(|ground| self.contrast(*ground) >= CONTRAST_MIN)
    }

    /// This colour, or the first on the way to `end` that can be read on all `grounds`.
    fn readable(self, end: Self, grounds: &[Self]) -> Self {
        (0..=100).map(|parts| self.mix(end, parts)).find(|colour| colour.is_readable_on(grounds)).unwrap_or(end)
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02X}{:02X}{:02X}", self.red, self.green, self.blue)
    }
}

/// Where text stands in a theme: page, card, well.
pub const fn grounds(theme: Theme, is_dark: bool) -> [Colour; 3] {
    const fn of(hex: u32) -> Colour {
        Colour { red: (hex >> 16) as u8, green: (hex >> 8) as u8, blue: hex as u8 }
    }
    match (theme, is_dark) {
        (Theme::Grove, false) => [of(0xF6_F7F4), of(0xFF_FFFF), of(0xEE_F0EB)],
        (Theme::Harbor, false) => [of(0xF5_F7FA), of(0xFF_FFFF), of(0xEC_EFF4)],
        (Theme::Clay, false) => [of(0xFA_F7F3), of(0xFF_FFFF), of(0xF2_EDE6)],
        (Theme::Grove, true) => [of(0x10_1512), of(0x17_1D19), of(0x0B_0F0D)],
        (Theme::Harbor, true) => [of(0x0E_1218), of(0x15_1A22), of(0x0A_0D12)],
        (Theme::Clay, true) => [of(0x15_110E), of(0x1D_1814), of(0x0F_0C0A)],
    }
}

impl Palette {
    /// The colours of an accent in this theme, light and dark. A shade that cannot be read is replaced by the nearest
    /// that can, so a page is readable whatever is stored.
    pub fn of(theme: Theme, accent: &Accent) -> [Self; 2] {
        [Self::shade(theme, accent.light, false), Self::shade(theme, accent.dark.unwrap_or(accent.light), true)]
    }

    fn shade(theme: Theme, accent: Colour, is_dark: bool) -> Self {
        let grounds = grounds(theme, is_dark);
        let (away, toward) = if is_dark { (WHITE, BLACK) } else { (BLACK, WHITE) };
        let primary = accent.readable(away, &grounds);
        let (hover, active) = (primary.mix(away, 14), primary.mix(away, 28));
        let soft = grounds[1].mix(primary, if is_dark { 20 } else { 11 });
        // A primary that is read on its grounds is far enough from them, so their opposite is read on it, and more so
        // on what is further away.
        Self { primary, hover, active, on_primary: toward, soft, on_soft: primary.readable(away, &[soft]) }
    }
}

/// Refuses an accent that cannot be read in this theme, with the nearest shade that can.
pub(crate) fn check(theme: Theme, accent: &Accent) -> Result<(), FrontError> {
    // Without a dark shade of its own the light one is lightened, which is always possible.
    for (shade, is_dark) in [(Some(accent.light), false), (accent.dark, true)] {
        let Some(shade) = shade else { continue };
        let nearest = Palette::shade(theme, shade, is_dark).primary;
        if nearest != shade {
            return Err(FrontError::Contrast { accent: shade, theme, is_dark, nearest });
        }
    }
    Ok(())
}

/// What a channel adds to the lightness, in ten-millionths, by its value in sRGB.
#[rustfmt::skip]
const LINEAR: [u32; 256] = [
    0, 3035, 6071, 9106, 12_141, 15_176, 18_212, 21_247, 24_282, 27_317, 30_353, 33_465, 36_765, 40_247, 43_914,
    47_770, 51_815, 56_054, 60_488, 65_121, 69_954, 74_990, 80_232, 85_681, 91_341, 97_212, 103_298, 109_601,
    116_122, 122_865, 129_830, 137_021, 144_438, 152_085, 159_963, 168_074, 176_420, 185_002, 193_824, 202_886,
    212_190, 221_739, 231_534, 241_576, 251_869, 262_412, 273_209, 284_260, 295_568, 307_134, 318_960, 331_048,
    343_398, 356_013, 368_895, 382_044, 395_462, 409_152, 423_114, 437_350, 451_862, 466_651, 481_718, 497_066,
    512_695, 528_606, 544_803, 561_285, 578_054, 595_112, 612_461, 630_100, 648_033, 666_259, 684_782, 703_601,
    722_719, 742_136, 761_854, 781_874, 802_198, 822_827, 843_762, 865_005, 886_556, 908_417, 930_590, 953_075,
    975_873, 998_987, 1_022_417, 1_046_165, 1_070_231, 1_094_617, 1_119_324, 1_144_354, 1_169_707, 1_195_384,
    1_221_388, 1_247_718, 1_274_377, 1_301_365, 1_328_683, 1_356_333, 1_384_316, 1_412_633, 1_441_285, 1_470_273,
    1_499_598, 1_529_262, 1_559_265, 1_589_608, 1_620_294, 1_651_322, 1_682_694, 1_714_411, 1_746_474, 1_778_884,
    1_811_642, 1_844_750, 1_878_208, 1_912_017, 1_946_178, 1_980_693, 2_015_563, 2_050_787, 2_086_369, 2_122_308,
    2_158_605, 2_195_262, 2_232_280, 2_269_659, 2_307_400, 2_345_506, 2_383_976, 2_422_811, 2_462_013, 2_501_583,
    2_541_521, 2_581_829, 2_622_507, 2_663_556, 2_704_978, 2_746_773, 2_788_943, 2_831_487, 2_874_408, 2_917_706,
    2_961_383, 3_005_438, 3_049_873, 3_094_689, 3_139_887, 3_185_468, 3_231_432, 3_277_781, 3_324_515, 3_371_636,
    3_419_144, 3_467_041, 3_515_326, 3_564_001, 3_613_068, 3_662_526, 3_712_377, 3_762_621, 3_813_260, 3_864_294,
    3_915_725, 3_967_552, 4_019_778, 4_072_402, 4_125_426, 4_178_851, 4_232_677, 4_286_905, 4_341_536, 4_396_572,
    4_452_012, 4_507_858, 4_564_110, 4_620_770, 4_677_838, 4_735_315, 4_793_202, 4_851_499, 4_910_208, 4_969_330,
    5_028_865, 5_088_813, 5_149_177, 5_209_956, 5_271_151, 5_332_764, 5_394_795, 5_457_245, 5_520_114, 5_583_404,
    5_647_115, 5_711_248, 5_775_804, 5_840_784, 5_906_188, 5_972_018, 6_038_273, 6_104_956, 6_172_066, 6_239_604,
    6_307_571, 6_375_969, 6_444_797, 6_514_056, 6_583_748, 6_653_873, 6_724_432, 6_795_425, 6_866_853, 6_938_718,
    7_011_019, 7_083_758, 7_156_935, 7_230_551, 7_304_607, 7_379_104, 7_454_042, 7_529_422, 7_605_245, 7_681_511,
    7_758_222, 7_835_378, 7_912_979, 7_991_027, 8_069_523, 8_148_466, 8_227_858, 8_307_699, 8_387_990, 8_468_732,
    8_549_926, 8_631_572, 8_713_671, 8_796_224, 8_879_231, 8_962_694, 9_046_612, 9_130_987, 9_215_819, 9_301_109,
    9_386_857, 9_473_065, 9_559_734, 9_646_862, 9_734_453, 9_822_506, 9_911_021, 10_000_000,
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn colour(text: &str) -> Colour {
        Colour::parse(text).expect("a colour")
    }

    #[test]
    fn a_colour_is_six_digits_and_reads_back() {
        assert_eq!(colour("#0b6B4B").to_string(), "#0B6B4B");
        for text in ["", "#", "0B6B4B", "#0B6B4", "#0B6B4B0", "#0B6B4G", "#+B6B4B", "#ééé"] {
            assert_eq!(Colour::parse(text), None, "{text}");
        }
    }

    #[test]
    fn contrast_is_that_of_wcag() {
        // Figures of the design's own check, in hundredths.
        for (one, other, ratio) in [
            ("#000000", "#FFFFFF", 2100),
            ("#FFFFFF", "#FFFFFF", 100),
            ("#0B6B4B", "#FFFFFF", 652),
            ("#767676", "#FFFFFF", 454),
        ] {
            assert_eq!(colour(one).contrast(colour(other)), ratio, "{one} on {other}");
        }
    }

    #[test]
    fn a_pale_accent_is_refused_with_the_nearest_shade_that_passes() {
        let accent = Accent { light: colour("#F2B705"), dark: None };
        let Err(FrontError::Contrast { nearest, is_dark: false, .. }) = check(Theme::Grove, &accent) else {
            panic!("it was taken")
        };
        assert_eq!(check(Theme::Grove, &Accent { light: nearest, dark: None }), Ok(()));
        let murky = Accent { light: colour("#0B6B4B"), dark: Some(colour("#0B6B4B")) };
        assert!(matches!(check(Theme::Clay, &murky), Err(FrontError::Contrast { is_dark: true, .. })));
    }

    proptest! {
        #[test]
        fn every_pair_of_a_palette_can_be_read(red: u8, green: u8, blue: u8, theme in 0usize..3) {
            let accent = Colour { red, green, blue };
            let theme = Theme::ALL[theme];
            for (place, shade) in Palette::of(theme, &Accent { light: accent, dark: None }).iter().enumerate() {
                prop_assert!(shade.primary.is_readable_on(&grounds(theme, place == 1)));
                prop_assert!(shade.on_primary.is_readable_on(&[shade.primary, shade.hover, shade.active]));
                prop_assert!(shade.on_soft.is_readable_on(&[shade.soft]));
            }
        }
    }
}
