//! Many rows as one value: what a batch writes in one statement, whatever its size.

use sea_orm::{ColumnTrait, EntityTrait, IdenStatic, Iterable, ModelTrait, Value};

use crate::column::{Column, Kind};

/// Rows of some or all columns of the table `E`, held column by column.
pub struct Rows<E: EntityTrait> {
    columns: Vec<E::Column>,
    cells: Vec<Column>,
}

/// One column of a batch as the dialects see it.
pub(crate) struct Cells {
    pub name: &'static str,
    pub nullable: bool,
    pub column: Column,
}

impl<E: EntityTrait> Rows<E> {
    /// No rows yet, of these columns.
    pub fn of_columns(columns: &[E::Column]) -> Self {
        let cells = columns.iter().map(|column| Column::of(Kind::of(column.def().get_column_type()))).collect();
        Self { columns: columns.to_vec(), cells }
    }

    /// Whole rows.
    pub fn of(models: impl IntoIterator<Item = E::Model>) -> Self
    where
        E::Model: ModelTrait<Entity = E>,
    {
        let columns: Vec<E::Column> = E::Column::iter().collect();
        let mut rows = Self::of_columns(&columns);
        for model in models {
            for (index, column) in columns.iter().enumerate() {
                rows.cells[index].push(model.get(*column));
            }
        }
        rows
    }

    /// Adds a row; one value for each column, in the order of the columns.
    pub fn push<const N: usize>(&mut self, values: [Value; N]) {
        assert_eq!(N, self.columns.len(), "a row has as many values as the batch has columns");
        for (cells, value) in self.cells.iter_mut().zip(values) {
            cells.push(value);
        }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.cells.first().map_or(0, Column::len)
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the batch apart, without the column `except` (which the door writes itself).
    pub(crate) fn into_cells(self, except: &[E::Column]) -> Vec<Cells> {
        let except: Vec<&str> = except.iter().map(IdenStatic::as_str).collect();
        let cells = self.columns.into_iter().zip(self.cells).map(|(named, column)| Cells {
            name: named.as_str(),
            nullable: named.def().is_null(),
            column,
        });
        cells.filter(|cells| !except.contains(&cells.name)).collect()
    }
}
